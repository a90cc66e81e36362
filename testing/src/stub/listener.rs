//! A listening socket that can stop and start to listen without losing its port.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::libc;
use nix::sys::socket::sockopt::{Linger, ReusePort};
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt,
    shutdown, socket,
};

/// A listener on a free port of this machine. The kernel takes back a port that it chose itself when the socket stops
/// to listen, so the port is bound a second time, by its number.
pub(super) fn open() -> TcpListener {
    let chosen = bound(0);
    let port = chosen.local_addr().expect("its address").port();
    let listener = bound(port);
    start(&listener);
    listener
}

fn bound(port: u16) -> TcpListener {
    let close_on_exec = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, close_on_exec, None);
    let socket = socket.expect("a socket");
    setsockopt(&socket, ReusePort, &true).expect("share the port");
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).expect("bind");
    TcpListener::from(socket)
}

/// Accepts connections from now on.
pub(super) fn start(listener: &TcpListener) {
    listen(listener, Backlog::MAXCONN).expect("listen");
}

/// Refuses connections from now on.
pub(super) fn stop(listener: &TcpListener) {
    shutdown(listener.as_raw_fd(), Shutdown::Both).expect("stop listening");
}

/// Closes a connection with a reset. No other handle of it may be open.
pub(super) fn reset(connection: TcpStream) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // A connection that is gone needs no reset.
    let _ = setsockopt(&connection, Linger, &at_once);
}

/// Fills the queue of connections that nobody has accepted: another one takes longer than anybody waits. Returns those
/// that fill it.
pub(super) fn fill(listener: &TcpListener, address: SocketAddr) -> Vec<TcpStream> {
    listen(listener, Backlog::new(0).expect("a backlog")).expect("listen");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    std::iter::from_fn(connect).collect()
}
