//! The listening sockets: one for each slot, all on one address.
//!
//! With `SO_REUSEPORT` the kernel spreads new connections over the sockets. They stay open here while the
//! supervisor serves, so that connections in the queue of a worker that exited wait for its replacement.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket,
    sockopt,
};
use socket2::{SockFilter, SockRef};
use thiserror::Error;

/// The workers of a supervisor that was killed may use the address for so long, until they notice.
const ADDRESS_RELEASE_TIMEOUT: Duration = Duration::from_millis(1500);
const BIND_RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Why there is no address to serve on.
#[derive(Debug, Error)]
pub enum Error {
    /// The host is neither an address nor a name that resolves to one.
    #[error("resolve the host {host:?} to listen on")]
    Resolve {
        /// The host in the settings.
        host: String,
        /// The resolver's reason.
        source: io::Error,
    },
    /// The address is in use, is not this machine's, or needs more rights.
    #[error("listen on {address}")]
    Listen {
        /// The last of the addresses that the host resolved to.
        address: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// Opens `count` sockets that listen on the first usable address of `host`, all on one port; port 0 picks a free one.
pub(crate) fn open(host: &str, port: u16, count: NonZeroUsize) -> Result<Vec<TcpListener>, Error> {
    open_beside(&[], host, port, count)
}

/// As [`open`], while this process listens on `others`, which may have the same port.
pub(crate) fn open_beside(
    others: &[TcpListener],
    host: &str,
    port: u16,
    count: NonZeroUsize,
) -> Result<Vec<TcpListener>, Error> {
    let is_ours = |other: &TcpListener| other.local_addr().is_ok_and(|it| it.port() == port);
    let exclusive = port != 0 && !others.iter().any(is_ours);
    // A supervisor that serves already must not wait.
    let timeout = if others.is_empty() {
        ADDRESS_RELEASE_TIMEOUT
    } else {
        Duration::ZERO
    };
    let unresolved = |source| Error::Resolve {
        host: host.to_owned(),
        source,
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let mut refused = unresolved(io::Error::new(
        io::ErrorKind::NotFound,
        "it resolves to no address",
    ));
    for address in (bare, port).to_socket_addrs().map_err(unresolved)? {
        match open_released(address, exclusive, count, timeout) {
            Ok(listeners) => return Ok(listeners),
            Err(source) => refused = Error::Listen { address, source },
        }
    }
    Err(refused)
}

/// Rejects new connections to this socket in every process that has it: their SYN is dropped. Connections that have
/// begun stay in the queue, so that whoever accepts until it is empty and then closes the socket resets nobody.
pub(crate) fn reject_connections(listener: &TcpListener) -> io::Result<()> {
    // The filter sees the TCP header: the offset of its byte of flags, and the bit of SYN.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

fn open_released(
    address: SocketAddr,
    exclusive: bool,
    count: NonZeroUsize,
    timeout: Duration,
) -> io::Result<Vec<TcpListener>> {
    let deadline = Instant::now() + timeout;
    loop {
        match open_all(address, exclusive, count) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(BIND_RETRY_INTERVAL);
            }
            outcome => return outcome,
        }
    }
}

fn open_all(
    mut address: SocketAddr,
    exclusive: bool,
    count: NonZeroUsize,
) -> io::Result<Vec<TcpListener>> {
    if exclusive {
        // With `SO_REUSEPORT` another process of this user could share the port unnoticed, and each would get half of
        // the connections. Without it the kernel reports that the address is in use.
        bound(address, false)?;
    }
    let mut listeners = Vec::with_capacity(count.get());
    for _ in 0..count.get() {
        let socket = bound(address, true)?;
        // The kernel limits it to net.core.somaxconn. nix refuses 1024 if libc's SOMAXCONN is 128 (musl).
        listen(&socket, Backlog::MAXALLOWABLE)?;
        let listener = TcpListener::from(socket);
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    setsockopt(&socket, sockopt::ReusePort, &shared)?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use testing::eventually;

    fn count(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn port_0_is_one_real_port_for_all() {
        let listeners = open("127.0.0.1", 0, count(4)).unwrap();
        let addresses: Vec<_> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        assert_ne!(addresses[0].port(), 0);
        assert_eq!(addresses, vec![addresses[0]; 4]);
        TcpStream::connect(addresses[0]).unwrap();
    }

    #[test]
    fn a_name_and_a_bracketed_address_will_do() {
        open("localhost", 0, count(2)).unwrap();
        match open("[::1]", 0, count(2)) {
            Ok(listeners) => assert!(listeners[0].local_addr().unwrap().is_ipv6()),
            // Many containers have no IPv6. The test is about the brackets.
            Err(error) => assert!(matches!(error, Error::Listen { .. }), "{error}"),
        }
    }

    #[test]
    fn a_shared_port_is_refused() {
        let first = open("127.0.0.1", 0, count(2)).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let error = open("127.0.0.1", port, count(1)).unwrap_err();
        assert_eq!(error.to_string(), format!("listen on 127.0.0.1:{port}"));
        drop(first);
        // A process that another test starts holds a copy until its exec.
        eventually("the port is free", || {
            open("127.0.0.1", port, count(1)).is_ok()
        });
    }

    #[test]
    fn an_address_that_is_let_go_of_soon_is_waited_for() {
        let first = open("127.0.0.1", 0, count(2)).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let letting_go = std::thread::spawn(move || {
            sleep(Duration::from_millis(200));
            drop(first);
        });
        open("127.0.0.1", port, count(1)).unwrap();
        letting_go.join().unwrap();
    }

    #[test]
    fn what_was_queued_before_rejecting_is_accepted_and_nothing_after() {
        let listener = open("127.0.0.1", 0, count(1)).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let queued: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        reject_connections(&listener).unwrap();
        let late = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
        listener.set_nonblocking(true).unwrap();
        for stream in &queued {
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer, stream.local_addr().unwrap());
        }
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }

    #[test]
    fn a_host_that_does_not_exist_is_named() {
        let error = open("no such host", 0, count(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "resolve the host \"no such host\" to listen on"
        );
    }
}
