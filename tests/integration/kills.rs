//! Workers are killed, hang and crash again and again. Other workers and replacements answer, and only connections of
//! the dead worker break.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use contract::BoardWords;
use nix::sys::signal::Signal;
use testing::{Stub, document, eventually};

use crate::harness::exchange::{self, exchange, is_closed, read_answer};
use crate::harness::load::{Exchange, Load, asks};
use crate::harness::slots::{Slots, owners};
use crate::harness::{Proxy, Start};

/// How many workers are killed under load in a usual run.
const KILLS: usize = 24;
/// How soon the replacement of a killed worker is ready: in the median, and at most, when the machine is busy.
const AIM: Duration = Duration::from_millis(200);
const BUSY: Duration = Duration::from_secs(5);

fn proxy(workers: usize) -> (Stub, Proxy, Slots) {
    let upstream = Stub::start([("test", document("test", "hello"))]);
    let proxy = Start::new(&upstream, &["test"]).workers(workers).start();
    let slots = Slots::ready(&proxy);
    (upstream, proxy, slots)
}

fn connect(proxy: &Proxy) -> TcpStream {
    exchange::connect(proxy.address).expect("connect to the proxy")
}

#[test]
fn killed_workers_are_replaced_at_once_and_break_only_what_they_had() {
    let kills = KILLS * testing::scale();
    let (_upstream, proxy, slots) = proxy(4);
    let asks = asks(proxy.address, "test");
    let load = Load::start(proxy.address, 4, 2, &asks);
    let mut kept = Vec::new();
    let mut times = Vec::new();
    let mut killed_at = Vec::new();
    let (mut broken, mut kept_on) = (0, 0);
    let mut random = fastrand::Rng::with_seed(42);
    for _ in 0..kills {
        keep(&proxy, &mut kept, &asks[0]);
        let slot = random.usize(..4);
        let workers: Vec<_> = (0..4).map(|slot| slots.process(slot)).collect();
        let owners = owners(&workers, &kept);
        assert!(owners.iter().all(Option::is_some), "{owners:?}");
        let killed = Instant::now();
        let victim = slots.signal(slot, Signal::SIGKILL);
        let deadline = killed + Duration::from_secs(30);
        while slots.process(slot) == victim || !slots.is_ready(slot) {
            assert!(Instant::now() < deadline, "no successor in slot {slot}");
            thread::sleep(Duration::from_micros(500));
        }
        times.push(killed.elapsed());
        killed_at.push(killed);
        // The connections of the dead worker are closed, and no others.
        let mut rest = Vec::new();
        for (mut stream, owner) in kept.drain(..).zip(owners) {
            if owner == Some(victim) {
                assert!(is_closed(&stream));
                broken += 1;
            } else {
                let answer = exchange(&mut stream, &asks[0].request).expect("another's connection");
                assert!(answer.kept && answer.body == asks[0].body);
                kept_on += 1;
                rest.push(stream);
            }
        }
        kept = rest;
        thread::sleep(Duration::from_millis(random.u64(50..350)));
    }
    let tally = load.stop();
    times.sort();
    let over = times.iter().filter(|time| **time > AIM).count();
    println!(
        "{kills} workers killed: replaced in {:?} (median), {:?} (longest), {over} over {AIM:?}; {} requests answered, \
        {} wrong, {} broken, {} connections found closed; of {} kept connections {broken} were the victims' and broke",
        times[kills / 2],
        times[kills - 1],
        tally.answered,
        tally.wrong,
        tally.broken.len(),
        tally.closed,
        broken + kept_on,
    );
    assert_eq!((tally.wrong, tally.refused), (0, 0));
    assert!(times[kills / 2] < AIM, "{times:?}");
    assert!(times[kills - 1] < BUSY, "{times:?}");
    assert!(broken > 0 && kept_on > 0);
    // Requests break only when their worker is killed: at most one of each client.
    assert!(tally.broken.len() <= kills * 6, "{:?}", tally.broken);
    for (begun, error) in &tally.broken {
        let near = |killed: &Instant| {
            *begun <= *killed + Duration::from_secs(1) && *killed <= *begun + Duration::from_secs(2)
        };
        assert!(killed_at.iter().any(near), "{error} without a kill");
    }
    let log = proxy.log();
    assert_eq!(log.matches("exited: signal 9").count(), kills, "{log}");
}

/// Opens connections until there are eight. A request was answered on each.
fn keep(proxy: &Proxy, kept: &mut Vec<TcpStream>, ask: &Exchange) {
    while kept.len() < 8 {
        let mut stream = connect(proxy);
        // The connection may belong to a slot whose worker is being replaced; then the replacement answers.
        let answer = exchange(&mut stream, &ask.request).expect("an answer");
        assert!(answer.kept && answer.body == ask.body);
        kept.push(stream);
    }
}

#[test]
fn what_waits_in_a_killed_workers_socket_is_answered_by_its_successor() {
    let (_upstream, proxy, slots) = proxy(1);
    let ask = &asks(proxy.address, "test")[0];
    for _ in 0..3 {
        let victim = slots.signal(0, Signal::SIGSTOP);
        let mut waiting: Vec<_> = (0..16).map(|_| connect(&proxy)).collect();
        for stream in &mut waiting {
            std::io::Write::write_all(stream, &ask.request).unwrap();
        }
        assert!(waiting.iter().all(|stream| !is_closed(stream)));
        slots.signal(0, Signal::SIGKILL);
        for stream in &mut waiting {
            let answer = read_answer(stream).expect("the successor's answer");
            assert!(answer.status == 200 && answer.body == ask.body);
        }
        assert_ne!(slots.process(0), victim);
        slots.wait_until_ready();
    }
}

/// Kills every worker that a slot gets, until it is told to stop.
struct Crashes {
    stop: Arc<AtomicBool>,
    /// How many workers were killed, and how many of them may have accepted a connection.
    kills: Arc<AtomicUsize>,
    served: Arc<AtomicUsize>,
    thread: thread::JoinHandle<()>,
}

impl Crashes {
    fn start(proxy: &Proxy, slot: usize) -> Crashes {
        let slots = Slots::of(proxy);
        let stop = Arc::new(AtomicBool::new(false));
        let (kills, served) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (stopped, killed, busy) = (Arc::clone(&stop), Arc::clone(&kills), Arc::clone(&served));
        let thread = thread::spawn(move || {
            let mut dead = BTreeSet::new();
            while !stopped.load(Ordering::SeqCst) {
                let process = slots.process(slot);
                if dead.insert(process) {
                    slots.signal(slot, Signal::SIGKILL);
                    killed.fetch_add(1, Ordering::SeqCst);
                    let state = slots.board().worker_state(slot);
                    busy.fetch_add(
                        usize::from(state != contract::WorkerState::Starting),
                        Ordering::SeqCst,
                    );
                }
                thread::sleep(Duration::from_micros(300));
            }
        });
        Crashes {
            stop,
            kills,
            served,
            thread,
        }
    }

    fn kills(&self) -> usize {
        self.kills.load(Ordering::SeqCst)
    }

    fn stop(self) -> (usize, usize) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("the killer");
        (
            self.kills.load(Ordering::SeqCst),
            self.served.load(Ordering::SeqCst),
        )
    }
}

#[test]
fn the_socket_of_a_slot_that_crashes_again_and_again_is_served_meanwhile() {
    let (_upstream, proxy, _) = proxy(3);
    let ask = &asks(proxy.address, "test")[0];
    let crashes = Crashes::start(&proxy, 1);
    // From here on replacements are started after the longest delay.
    eventually("backing off", || {
        proxy.log().contains("replacing it in 1 s")
    });
    let (mut broken, mut slowest) = (0, Duration::ZERO);
    let before = crashes.kills();
    let mut asked = 0;
    // Until two more workers were started, and some of the connections came to each of the three sockets.
    while asked < 60 || crashes.kills() < before + 2 {
        let begun = Instant::now();
        let mut stream = connect(&proxy);
        match exchange(&mut stream, &ask.request) {
            Ok(answer) => assert!(answer.status == 200 && answer.body == ask.body),
            Err(_) => broken += 1,
        }
        slowest = slowest.max(begun.elapsed());
        asked += 1;
        thread::sleep(Duration::from_millis(10));
    }
    let (kills, served) = crashes.stop();
    println!(
        "{kills} crashes in a row, {served} of them of a worker that may have served; {asked} connections meanwhile, \
        {broken} broken, the slowest answered after {slowest:?}"
    );
    assert!(broken <= served, "{broken} broken, {served} served");
    // No client waited until the crashes ended.
    assert!(slowest < Duration::from_millis(900), "{slowest:?}");
}

#[test]
fn clients_of_a_lone_worker_wait_a_second_at_most_after_a_series_of_crashes() {
    let (_upstream, proxy, _) = proxy(1);
    let ask = &asks(proxy.address, "test")[0];
    let crashes = Crashes::start(&proxy, 0);
    eventually("backing off", || {
        proxy.log().contains("replacing it in 1 s")
    });
    crashes.stop();
    let begun = Instant::now();
    let mut stream = connect(&proxy);
    let answer = exchange(&mut stream, &ask.request).expect("an answer");
    assert!(answer.status == 200 && answer.body == ask.body);
    println!("answered after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_worker_that_hangs_is_helped_killed_and_replaced() {
    let (_upstream, proxy, slots) = proxy(2);
    let ask = &asks(proxy.address, "test")[0];
    let begun = Instant::now();
    let hung = slots.signal(0, Signal::SIGSTOP);
    // Its neighbour accepts from its socket, long before the worker is replaced.
    let mut waiting: Vec<_> = (0..16).map(|_| connect(&proxy)).collect();
    for stream in &mut waiting {
        let answer = exchange(stream, &ask.request).expect("an answer");
        assert!(answer.status == 200 && answer.body == ask.body);
    }
    let helped = begun.elapsed();
    assert_eq!(slots.process(0), hung);
    eventually("its successor", || {
        slots.process(0) != hung && slots.is_ready(0)
    });
    println!(
        "a hung worker: helped after {helped:?}, replaced after {:?}",
        begun.elapsed()
    );
    assert!(helped < Duration::from_secs(8), "{helped:?}");
    assert!(begun.elapsed() > Duration::from_secs(9));
    let log = proxy.log();
    assert!(log.contains("worker 0 was not heard of for"), "{log}");
    assert!(!log.contains("worker 1 was not heard"), "{log}");
}

#[test]
fn a_proxy_that_was_frozen_as_a_whole_goes_on_with_the_same_workers() {
    let (_upstream, proxy, slots) = proxy(2);
    let before = [slots.process(0), slots.process(1)];
    proxy.signal(Signal::SIGSTOP);
    for slot in 0..2 {
        slots.signal(slot, Signal::SIGSTOP);
    }
    // All stay frozen until the heartbeats are too old.
    eventually("old heartbeats", || {
        let age = slots.board().heartbeat_age(0);
        age > Duration::from_secs(11)
    });
    // The supervisor goes on first, the workers after it has checked the heartbeats. It does so at least every 1.25 s.
    proxy.signal(Signal::SIGCONT);
    let looked = Instant::now() + Duration::from_millis(1500);
    eventually("a look at the heartbeats", || Instant::now() > looked);
    for slot in 0..2 {
        slots.signal(slot, Signal::SIGCONT);
    }
    eventually("young heartbeats", || {
        let young = |slot| slots.board().heartbeat_age(slot) < Duration::from_secs(1);
        young(0) && young(1)
    });
    assert_eq!([slots.process(0), slots.process(1)], before);
    assert!(!proxy.log().contains("not heard of"));
}
