//! What the board of a running proxy says about its workers, and which worker has which connection.

use std::fs;
use std::net::SocketAddr;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use snapshot::{Board, Reader, WorkerState};

use super::{Proxy, eventually};

/// The slots of a proxy.
pub(crate) struct Slots {
    reader: Reader,
}

impl Slots {
    pub(crate) fn of(proxy: &Proxy) -> Slots {
        let reader = Reader::open(proxy.state(), engine::FORMAT).expect("the state directory");
        Slots { reader }
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
            (0..slots).all(|slot| self.is_ready(slot)).then_some(())
        });
    }

    /// Signals the worker of a slot, and returns which process that was.
    pub(crate) fn signal(&self, slot: usize, signal: Signal) -> Pid {
        let process = self.process(slot);
        kill(process, signal).expect("signal a worker");
        process
    }
}

/// Which of these processes has the other end of the client's connection; `None` while nobody has accepted it.
pub(crate) fn owner(workers: &[Pid], client: SocketAddr) -> Option<Pid> {
    let far = format!("0100007F:{:04X}", client.port());
    let table = fs::read_to_string("/proc/net/tcp").expect("the connections");
    let inode = table.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words.get(2) == Some(&far.as_str())).then(|| words[9].to_owned())
    })?;
    let socket = format!("socket:[{inode}]");
    let has = |worker: &Pid| {
        let descriptors = fs::read_dir(format!("/proc/{worker}/fd"));
        descriptors.is_ok_and(|mut descriptors| {
            descriptors.any(|descriptor| {
                let link = descriptor.and_then(|descriptor| fs::read_link(descriptor.path()));
                link.is_ok_and(|link| link.as_os_str() == socket.as_str())
            })
        })
    };
    workers.iter().copied().find(has)
}
