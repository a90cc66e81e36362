//! A relay in front of a proxy, which counts connections.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A running relay. It runs until the test process ends.
pub(crate) struct Relay {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Relay {
    /// Relays each connection to `target`, byte for byte.
    pub(crate) fn to(target: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("its address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(proxy) = TcpStream::connect(target) else {
                    continue;
                };
                copy(&client, &proxy);
                copy(&proxy, &client);
            }
        });
        Relay {
            address,
            connections,
        }
    }

    /// How many connections clients have made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Copies what comes from one side to the other, in a thread, until either side closes.
fn copy(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (
        from.try_clone().expect("a second handle"),
        to.try_clone().expect("a second handle"),
    );
    to.set_nodelay(true).expect("a socket");
    thread::spawn(move || {
        // A side that goes away in between has heard enough.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
