//! The slots of a running proxy, read from its board, and which worker has which connection.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};

use contract::{BoardWords, WorkerState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapshot::{Board, Reader};
use testing::eventually;

use super::Proxy;

/// The slots of a proxy.
pub(crate) struct Slots {
    reader: Reader,
}

impl Slots {
    pub(crate) fn of(proxy: &Proxy) -> Slots {
        let reader = Reader::open(proxy.state(), engine::FORMAT).expect("the state directory");
        Slots { reader }
    }

    /// Waits until all workers of the proxy are ready.
    pub(crate) fn ready(proxy: &Proxy) -> Slots {
        proxy.wait_until_ready();
        let slots = Slots::of(proxy);
        slots.wait_until_ready();
        slots
    }

    pub(crate) fn board(&self) -> &Board {
        self.reader.board()
    }

    pub(crate) fn process(&self, slot: usize) -> Pid {
        Pid::from_raw(self.board().worker_process(slot).cast_signed())
    }

    pub(crate) fn is_ready(&self, slot: usize) -> bool {
        self.board().worker_state(slot) == WorkerState::Ready
    }

    pub(crate) fn wait_until_ready(&self) {
        eventually("every worker is ready", || {
            let slots = self.board().shape().slots;
            (0..slots).all(|slot| self.is_ready(slot))
        });
    }

    /// Signals the worker of a slot and returns its process id.
    pub(crate) fn signal(&self, slot: usize, signal: Signal) -> Pid {
        let process = self.process(slot);
        kill(process, signal).expect("signal a worker");
        process
    }
}

/// For each connection, which of these processes has its other end; `None` when none has accepted it.
pub(crate) fn owners(workers: &[Pid], clients: &[TcpStream]) -> Vec<Option<Pid>> {
    let sockets: HashMap<String, Pid> = workers
        .iter()
        .flat_map(|worker| {
            let descriptors = fs::read_dir(format!("/proc/{worker}/fd"));
            let links = descriptors.into_iter().flatten().flatten();
            let links = links.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
            links.map(|link| (link.display().to_string(), *worker))
        })
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").expect("the connections");
    let inodes: HashMap<(&str, &str), &str> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some(((words.next()?, words.next()?), words.nth(6)?))
        })
        .collect();
    let shown = |address: SocketAddr| format!("0100007F:{:04X}", address.port());
    let owner = |client: &TcpStream| {
        let near = shown(client.peer_addr().expect("the proxy's address"));
        let far = shown(client.local_addr().expect("an address"));
        let inode = inodes.get(&(near.as_str(), far.as_str()))?;
        sockets.get(&format!("socket:[{inode}]")).copied()
    };
    clients.iter().map(owner).collect()
}
