//! The two yardsticks of the load measurement. `benches/load` starts them:
//!
//! - `ceiling framework PORT FLAGS DOCUMENT IDENTITIES`: the proxy's web framework, with three bodies to send;
//! - `ceiling kernel PORT ANSWER`: a bare epoll loop, with one whole answer to send.
//!
//! Each is one thread. The last arguments name files. Port 0 stands for any free port; further processes can then be
//! started with the port of the first one, and share it.

use std::env;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt, socket,
    sockopt,
};

mod framework;
mod kernel;

const USAGE: &str =
    "usage: ceiling framework PORT FLAGS DOCUMENT IDENTITIES | ceiling kernel PORT ANSWER";

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["framework", port, flags, document, identities] => {
            framework::serve(listener(port)?, flags, document, identities)
        }
        ["kernel", port, answer] => kernel::serve(&listener(port)?, answer),
        _ => Err(io::Error::other(USAGE)),
    }
}

/// Listens on a port that other processes can share, and prints its address.
fn listener(port: &str) -> io::Result<TcpListener> {
    let port = port.parse().map_err(io::Error::other)?;
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let socket = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    setsockopt(&socket, sockopt::ReusePort, &true)?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&socket, Backlog::MAXCONN)?;
    let listener = TcpListener::from(socket);
    eprintln!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}
