//! Listening, on real sockets.

use std::net::{IpAddr, Ipv6Addr, TcpStream};

use super::*;
use testing::eventually;

fn count(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn at(host: &str, port: u16) -> Address {
    Address {
        host: host.to_owned(),
        port,
        settings: "server.host, server.port",
    }
}

fn addresses(slot: &Listeners) -> Vec<SocketAddr> {
    let listeners = slot.iter();
    listeners.map(|it| it.local_addr().unwrap()).collect()
}

/// Whether this machine has addresses of IPv6. Many containers have none.
fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        testing::skip("this machine has no IPv6");
    }
    has
}

/// Connects, and says which address the listener is told.
fn peer(listener: &TcpListener, to: IpAddr) -> IpAddr {
    let port = listener.local_addr().unwrap().port();
    let _client = TcpStream::connect((to, port)).unwrap();
    listener.accept().unwrap().1.ip()
}

#[test]
fn port_0_is_one_real_port_for_all() {
    let slots = open(&at("127.0.0.1", 0), count(4)).unwrap();
    let first = addresses(&slots[0]);
    assert_ne!(first[0].port(), 0);
    assert!(slots.iter().all(|slot| addresses(slot) == first));
    TcpStream::connect(first[0]).unwrap();
}

#[test]
fn a_name_stands_for_all_of_its_addresses_on_one_port() {
    let slots = open(&at("localhost", 0), count(2)).unwrap();
    let found = addresses(&slots[0]);
    let port = found[0].port();
    assert_eq!(found[0].to_string(), format!("127.0.0.1:{port}"));
    assert_eq!(addresses(&slots[1]), found);
    if has_ipv6() {
        assert_eq!(
            urls(&slots[0]),
            format!("http://127.0.0.1:{port} and http://[::1]:{port}")
        );
    }
}

#[test]
fn addresses_that_this_machine_does_not_have_are_left_out() {
    // Of a network for documentation (RFC 5737).
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let opened = |addresses: &[SocketAddr]| open_all(addresses, &[], count(1));
    for all in [[elsewhere, here], [here, elsewhere]] {
        let slots = opened(&all).ok().unwrap();
        let found: Vec<_> = addresses(&slots[0]).iter().map(SocketAddr::ip).collect();
        assert_eq!(found, [here.ip()]);
    }
    assert!(opened(&[elsewhere]).is_err_and(|refused| refused.is_absent()));
}

#[test]
fn an_address_of_ipv6_may_have_brackets() {
    if has_ipv6() {
        for host in ["[::1]", "::1"] {
            let slots = open(&at(host, 0), count(2)).unwrap();
            assert!(addresses(&slots[0])[0].is_ipv6());
        }
    }
}

#[test]
fn all_addresses_are_those_of_both_families_and_those_of_ipv4_stay_alone() {
    let v4 = IpAddr::from([127, 0, 0, 1]);
    let all = open(&at("*", 0), count(1)).unwrap();
    assert_eq!(peer(&all[0][0], v4).to_canonical(), v4);
    let port = addresses(&all[0])[0].port();
    if has_ipv6() {
        let v6 = IpAddr::from(Ipv6Addr::LOCALHOST);
        assert_eq!(peer(&all[0][0], v6), v6);
        assert_eq!(
            urls(&all[0]),
            format!("http://0.0.0.0:{port} and http://[::]:{port}")
        );
        let one = open(&at("0.0.0.0", 0), count(1)).unwrap();
        assert_eq!(peer(&one[0][0], v4), v4);
        let port = addresses(&one[0])[0].port();
        assert!(TcpStream::connect((v6, port)).is_err());
    }
    // Another server that has the port on one family has it on both.
    assert!(open(&at("127.0.0.1", port), count(1)).is_err());
}

#[test]
fn a_shared_port_is_refused() {
    let first = open(&at("127.0.0.1", 0), count(2)).unwrap();
    let port = first[0][0].local_addr().unwrap().port();
    let error = open(&at("127.0.0.1", port), count(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("listen on 127.0.0.1:{port} (server.host, server.port)")
    );
    drop(first);
    // A process that another test starts holds a copy until its exec.
    eventually("the port is free", || {
        open(&at("127.0.0.1", port), count(1)).is_ok()
    });
}

#[test]
fn an_address_that_is_let_go_of_soon_is_waited_for() {
    let first = open(&at("127.0.0.1", 0), count(2)).unwrap();
    let port = first[0][0].local_addr().unwrap().port();
    let letting_go = std::thread::spawn(move || {
        sleep(Duration::from_millis(200));
        drop(first);
    });
    open(&at("127.0.0.1", port), count(1)).unwrap();
    letting_go.join().unwrap();
}

#[test]
fn what_was_queued_before_rejecting_is_accepted_and_nothing_after() {
    let mut hosts = vec!["127.0.0.1"];
    if has_ipv6() {
        hosts.push("::1");
    }
    for host in hosts {
        let slot = open(&at(host, 0), count(1)).unwrap().remove(0);
        let listener = &slot[0];
        let address = listener.local_addr().unwrap();
        let queued: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        reject_connections(listener).unwrap();
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
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    let error = open(&at("no such host", 0), count(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "resolve the host \"no such host\" to listen on (server.host, server.port)"
    );
}
