//! What upstream receives is what clients were told is accepted, whatever dies, fills or fails meanwhile.
//!
//! Clients report counts, events and increments of a trait, and note each answer. Faults come at random: workers and
//! supervisors are killed, proxies are stopped and started, the disk fills, upstream fails in several ways. In the end,
//! what upstream received is counted once for each idempotency key. A request whose answer a client did not see may
//! count or not.

mod clients;
mod upstream;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use nix::mount::MsFlags;
use nix::sys::signal::{Signal, kill};
use serde_json::json;
use testing::{Stub, eventually};

use crate::harness::{Proxy, Volume, executable};
use clients::{Clients, Sums};
use upstream::{Manner, Received};

const ENVIRONMENT: &str = "test";
const WORKERS: usize = 2;

/// A proxy that is started again and again on the same state directory.
struct Site {
    directory: PathBuf,
    upstream: Stub,
    manner: Manner,
    proxy: Proxy,
    address: Arc<Mutex<SocketAddr>>,
}

impl Site {
    fn begin(directory: &Path) -> Self {
        let document = testing::document(ENVIRONMENT, "hello");
        let upstream = Stub::start([(ENVIRONMENT, document)]);
        let manner = Manner::of(&upstream);
        let proxy = start(directory, &upstream);
        Self {
            directory: directory.to_owned(),
            upstream,
            manner,
            address: Arc::new(Mutex::new(proxy.address)),
            proxy,
        }
    }

    fn restart(&mut self, signal: Signal) {
        self.proxy.signal(signal);
        self.proxy.wait();
        self.proxy = start(&self.directory, &self.upstream);
        *self.address.lock().expect("the address") = self.proxy.address;
    }

    fn kill_worker(&self, chance: &mut Rng) {
        let workers = self.proxy.workers();
        if let Some(worker) = chance.choice(workers) {
            // It may have exited by now.
            let _ = kill(worker, Signal::SIGKILL);
        }
    }
}

fn start(directory: &Path, upstream: &Stub) -> Proxy {
    let state = directory.join("volume/state");
    let config = json!({
        "environment_key_pairs": [{
            "client_side_key": ENVIRONMENT,
            "server_side_key": format!("ser.{ENVIRONMENT}"),
        }],
        "api_url": upstream.api_url(),
        "api_poll_timeout_seconds": 0.3,
        "events_url": upstream.origin(),
        "traits": {"forward": true},
        "journal": {"frequency_seconds": 0.05},
        "server": {"host": "127.0.0.1", "port": 0},
        "admin": {"port": null},
        "snapshot": {"directory": state},
    });
    let path = directory.join("config.json");
    std::fs::write(&path, config.to_string()).expect("write the configuration");
    let mut command = executable();
    command
        .arg("--config")
        .arg(&path)
        .env("WEB_CONCURRENCY", WORKERS.to_string());
    let proxy = Proxy::spawn(command, state, None);
    proxy.wait_until_ready();
    proxy
}

#[test]
fn upstream_receives_what_clients_were_told_is_accepted() {
    let faults = 30 * testing::scale();
    let mut chance = Rng::with_seed(testing::seed(faults as u64));
    let directory = tempfile::tempdir().expect("a directory");
    let volume = directory.path().join("volume");
    std::fs::create_dir(&volume).expect("a directory");
    let volume = Volume::mount(&volume, MsFlags::empty(), "size=64m,mode=700");

    let mut site = Site::begin(directory.path());
    let clients = Clients::start(&site.address);
    let mut kinds = [0; 6];
    for _ in 0..faults {
        let kind = chance.usize(..kinds.len());
        kinds[kind] += 1;
        match kind {
            0 | 1 => site.kill_worker(&mut chance),
            2 => site.restart(Signal::SIGKILL),
            3 => site.restart(Signal::SIGTERM),
            4 => {
                if let Some(volume) = &volume {
                    volume.fill();
                    pause(&mut chance, 300);
                    site.kill_worker(&mut chance);
                    pause(&mut chance, 300);
                    volume.empty();
                }
            }
            _ => site.manner.change(&mut chance),
        }
        pause(&mut chance, 200);
    }
    site.manner.mend();
    let sums = clients.stop();
    // What waits long after many failures is tried at once.
    site.restart(Signal::SIGTERM);
    let received = eventually("all that was accepted", || {
        let received = Received::by(&site.upstream);
        received.has_all(&sums).then_some(received)
    });
    received.check(&sums);
    report(faults, kinds, &sums, &received);
}

/// Faults come at any moment of what goes on meanwhile.
fn pause(chance: &mut Rng, milliseconds: u64) {
    thread::sleep(Duration::from_millis(chance.u64(..milliseconds)));
}

fn report(faults: usize, kinds: [usize; 6], sums: &Sums, received: &Received) {
    let [kill, other, supervisor, stop, disk, upstream] = kinds;
    println!(
        "{faults} faults: {} workers killed, {supervisor} supervisors killed, {stop} stopped, {disk} disks filled, \
         {upstream} failures of upstream",
        kill + other
    );
    for (name, sum, received) in [
        ("counts", sums.counts, received.counts),
        ("increments", sums.increments, received.increments),
        ("events", sums.events(), received.events.len() as u64),
    ] {
        println!(
            "{name}: accepted {}, answer not seen {}, received {received}",
            sum.accepted, sum.unseen
        );
    }
    println!(
        "requests that upstream got more than once: {}",
        received.repeated
    );
}
