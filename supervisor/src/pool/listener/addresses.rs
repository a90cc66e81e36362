//! Which addresses a host stands for, and how those that are listened on are written.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

/// The host that stands for all addresses of this machine, of both families.
pub const ANY_HOST: &str = "*";

/// The addresses of a host: sets of which the first is taken that this machine has. A kernel without IPv6 has no second
/// family, so all addresses of the machine are then those of IPv4.
pub(super) fn of_host(host: &str, port: u16) -> io::Result<Vec<Vec<SocketAddr>>> {
    if host == ANY_HOST {
        let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let one = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        return Ok(vec![vec![both], vec![one]]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        // Of both families (RFC 6761, 6.3), also where a hosts file names one of them or there is none.
        let four = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        return Ok(vec![vec![four, six]]);
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let mut addresses: Vec<SocketAddr> = (bare, port).to_socket_addrs()?.collect();
    // IPv4 first, as people read it. A resolver may name an address twice.
    addresses.sort_unstable();
    addresses.dedup();
    Ok(vec![addresses])
}

/// A socket that is bound to this address takes connections of both families.
pub(super) fn is_any_of_both_families(address: SocketAddr) -> bool {
    address.ip() == Ipv6Addr::UNSPECIFIED
}

/// The URLs of the sockets of one slot, for the log.
pub(crate) fn urls(listeners: &[TcpListener]) -> String {
    let addresses = listeners.iter().filter_map(|it| it.local_addr().ok());
    let urls = addresses.map(|address| {
        let port = address.port();
        if is_any_of_both_families(address) {
            format!("http://0.0.0.0:{port} and http://[::]:{port}")
        } else {
            format!("http://{address}")
        }
    });
    urls.collect::<Vec<_>>().join(" and ")
}
