//! The pool with workers that only sleep.

mod roll;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};

use contract::{BoardWords, Handover, WorkerSettings, WorkerState, board_shape};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};
use snapshot::Publisher;
use testing::eventually;

use super::listener::Address;
use super::*;
use crate::notice::{Notice, Notices, Notifier};

const HOUR: Duration = Duration::from_secs(3600);
const SLEEP: &str = "exec sleep 60";
/// A worker that ignores TERM.
const DEAF: &str = "trap '' TERM; touch $directory/deaf.$slot; exec sleep 60";
const TIMES: Times = Times {
    shutdown_delay: Duration::ZERO,
    shutdown_timeout: HOUR,
    heartbeat_timeout: HOUR,
    boot_timeout: HOUR,
};

/// A pool that serves in a thread of its own.
struct Trial {
    directory: tempfile::TempDir,
    board: Arc<Board>,
    port: u16,
    notifier: Notifier,
    thread: JoinHandle<Result<(), Error>>,
}

impl Trial {
    /// Two workers that write their process number and then run this script; `$slot` and `$directory` are set.
    fn new(script: &'static str, times: Times) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let shape = board_shape(1, 1, 2);
        let publisher = Publisher::open(&directory.path().join("state"), shape).unwrap();
        let board = publisher.share_board();
        let sockets = sockets(2);
        let port = sockets[0].public[0].local_addr().unwrap().port();
        let notices = Notices::of_children().unwrap();
        let notifier = notices.notifier();
        let path = directory.path().to_owned();
        let shared = Arc::clone(&board);
        let thread = thread::spawn(move || {
            let command = WorkerCommand::new(move |slot| (shell(script, slot, &path), handover(0)));
            let mut pool = Pool::new(command, sockets, shared, no_rings(), times);
            let started = pool.start();
            if started.is_err() {
                pool.drain();
            }
            started.and(serve(&mut pool, &notices))
        });
        Self {
            directory,
            board,
            port,
            notifier,
            thread,
        }
    }

    fn left(&self, name: &str, slot: usize) -> Option<String> {
        let content = fs::read_to_string(left(self.directory.path(), name, slot)).ok()?;
        content
            .ends_with('\n')
            .then(|| content.trim_end().to_owned())
    }

    fn process(&self, slot: usize) -> Pid {
        eventually("the worker runs", || self.left("process", slot).is_some());
        Pid::from_raw(self.left("process", slot).unwrap().parse().unwrap())
    }

    fn processes(&self) -> [Pid; 2] {
        [self.process(0), self.process(1)]
    }

    /// The replacement of this process in the slot.
    fn successor(&self, slot: usize, process: Pid) -> Pid {
        eventually("a successor", || self.process(slot) != process);
        self.process(slot)
    }

    fn end(self) -> Result<(), Error> {
        eventually("the pool ends", || self.thread.is_finished());
        self.thread.join().unwrap()
    }
}

/// The main loop, as far as it is about the pool.
fn serve(pool: &mut Pool, notices: &Notices) -> Result<(), Error> {
    let mut outcome = Ok(());
    while !pool.is_over() {
        let received = notices.wait(pool.due());
        if let Err(error) = pool.tend() {
            outcome = Err(error);
            pool.drain();
        }
        for notice in received {
            match notice {
                Notice::Stop => pool.stop(),
                Notice::Published => pool.ring(),
                _ => {}
            }
        }
    }
    outcome
}

/// The address of a port of this machine.
fn loopback(port: u16) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port,
        settings: "test",
    }
}

/// A public socket for each slot, and no admin listener.
fn sockets(slots: usize) -> Vec<SlotListeners> {
    let public = listener::open(&loopback(0), slots.try_into().unwrap()).unwrap();
    let slots = public.into_iter().map(|public| SlotListeners {
        public,
        admin: Arc::default(),
    });
    slots.collect()
}

/// These workers report nothing.
fn no_rings() -> Arc<Rings> {
    Arc::new(Rings::none())
}

/// What no worker of these tests reads. Those with another number count as others.
fn handover(number: usize) -> Handover {
    Handover {
        directory: PathBuf::new(),
        slot: 0,
        supervisor: 0,
        admin_token: None,
        sse_authentication_token: None,
        ring: None,
        accepts_events: false,
        reports_usage: false,
        settings: WorkerSettings {
            allow_origins: vec![number.to_string()],
            ..WorkerSettings::default()
        },
    }
}

fn left(directory: &Path, name: &str, slot: usize) -> PathBuf {
    directory.join(format!("{name}.{slot}"))
}

fn shell(script: &str, slot: usize, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("echo $$ >$directory/process.$slot; {script}"))
        .env("slot", slot.to_string())
        .env("directory", directory);
    command
}

fn is_gone(process: Pid) -> bool {
    kill(process, None) == Err(Errno::ESRCH)
}

#[test]
fn replaces_a_killed_worker_and_leaves_the_other_alone() {
    let trial = Trial::new(SLEEP, TIMES);
    let [first, second] = trial.processes();
    kill(first, Signal::SIGKILL).unwrap();
    let successor = trial.successor(0, first);
    assert!(is_gone(first));
    assert!(!is_gone(second));
    assert_eq!(trial.process(1), second);
    eventually("the slot is the successor's", || {
        trial.board.worker_process(0) == successor.as_raw().cast_unsigned()
    });
    assert_eq!(trial.board.worker_state(0), WorkerState::Starting);
    kill(successor, Signal::SIGTERM).unwrap();
    trial.successor(0, successor);
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
}

#[test]
fn a_worker_leads_a_process_group_of_its_own() {
    let trial = Trial::new(SLEEP, TIMES);
    for process in trial.processes() {
        assert_eq!(getpgid(Some(process)), Ok(process));
    }
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
}

#[test]
fn a_worker_that_cannot_boot_ends_them_all() {
    let trial = Trial::new(
        "while [ ! -s $directory/process.0 ]; do sleep 0.01; done; [ $slot = 0 ] || exit 3; exec sleep 60",
        TIMES,
    );
    let [other, _] = trial.processes();
    let board = Arc::clone(&trial.board);
    let error = trial.end().unwrap_err();
    assert_eq!(error.to_string(), "worker 1 could not boot");
    assert!(is_gone(other));
    assert!(board.draining());
}

#[test]
fn a_program_that_is_not_there_ends_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let shape = board_shape(1, 1, 1);
    let publisher = Publisher::open(directory.path(), shape).unwrap();
    let command = WorkerCommand::new(|_| (Command::new("/no/such/program"), handover(0)));
    let mut pool = Pool::new(
        command,
        sockets(1),
        publisher.share_board(),
        no_rings(),
        TIMES,
    );
    assert_eq!(pool.start().unwrap_err().to_string(), "start worker 0");
}

#[test]
fn stops_all_workers_and_lets_go_of_the_port() {
    let trial = Trial::new(SLEEP, TIMES);
    let processes = trial.processes();
    let port = trial.port;
    let board = Arc::clone(&trial.board);
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
    assert!(processes.into_iter().all(is_gone));
    assert!(board.draining());
    assert_eq!(board.worker_state(0), WorkerState::Exited);
    assert_eq!(board.worker_state(1), WorkerState::Exited);
    // A process that another test starts holds a copy until its exec.
    eventually("the port is free", || {
        listener::open(&loopback(port), 1.try_into().unwrap()).is_ok()
    });
}

#[test]
fn a_worker_that_does_not_drain_in_time_is_killed() {
    let trial = Trial::new(
        DEAF,
        Times {
            shutdown_timeout: Duration::from_millis(50),
            ..TIMES
        },
    );
    let processes = trial.processes();
    eventually("workers that hear nothing", || deaf(&trial));
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
    assert!(processes.into_iter().all(is_gone));
}

#[test]
fn asking_a_second_time_kills_at_once() {
    kills_at_the_second_request(Trial::new(DEAF, TIMES));
}

fn kills_at_the_second_request(trial: Trial) {
    let processes = trial.processes();
    eventually("workers that hear nothing", || deaf(&trial));
    trial.notifier.notify(Notice::Stop);
    eventually("draining", || trial.board.draining());
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
    assert!(processes.into_iter().all(is_gone));
}

fn deaf(trial: &Trial) -> bool {
    (0..2).all(|slot| left(trial.directory.path(), "deaf", slot).exists())
}

#[test]
fn a_worker_that_is_not_heard_of_is_killed_and_replaced() {
    let heartbeat_timeout = Duration::from_millis(250);
    let times = Times {
        heartbeat_timeout,
        ..TIMES
    };
    let trial = Trial::new(SLEEP, times);
    let [silent, heard] = trial.processes();
    let number = heard.as_raw().cast_unsigned();
    let board = &trial.board;
    eventually("the slot is the worker's", || {
        board.worker_process(1) == number
    });
    board.set_worker_state(1, number, WorkerState::Ready);
    // A worker that boots has more time, and is then killed too.
    let begun = Instant::now();
    eventually("a successor", || {
        board.beat(1, number);
        trial.process(0) != silent
    });
    assert!(begun.elapsed() > heartbeat_timeout);
    assert!(is_gone(silent));
    assert_eq!(trial.process(1), heard);
    // The test writes no more heartbeats for it.
    trial.successor(1, heard);
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
}

#[test]
fn a_worker_that_gets_no_processor_is_not_killed_and_one_that_is_busy_for_ever_is() {
    const BUSY: &str = "while :; do :; done";
    let heartbeat_timeout = Duration::from_millis(500);
    let times = Times {
        heartbeat_timeout,
        ..TIMES
    };
    let trial = Trial::new(BUSY, times);
    let [throttled, busy] = trial.processes();
    let number = throttled.as_raw().cast_unsigned();
    let Some(throttle) = testing::Throttle::of([number]) else {
        trial.notifier.notify(Notice::Stop);
        trial.end().unwrap();
        return testing::skip("there is no cpu cgroup that this user may write to");
    };
    // A worker that boots has three times as long.
    let begun = Instant::now();
    while begun.elapsed() < 3 * 3 * heartbeat_timeout {
        thread::sleep(Duration::from_millis(50));
        assert_eq!(trial.process(0), throttled);
    }
    eventually("the end of the busy one", || is_gone(busy));
    drop(throttle);
    eventually("the end of the other one", || is_gone(throttled));
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
}

#[test]
fn serves_on_for_the_shutdown_delay_and_replaces_who_dies() {
    let shutdown_delay = Duration::from_millis(500);
    let trial = Trial::new(
        SLEEP,
        Times {
            shutdown_delay,
            ..TIMES
        },
    );
    let [first, second] = trial.processes();
    let begun = Instant::now();
    trial.notifier.notify(Notice::Stop);
    eventually("draining", || trial.board.draining());
    kill(first, Signal::SIGKILL).unwrap();
    trial.successor(0, first);
    assert!(!is_gone(second));
    trial.end().unwrap();
    assert!(begun.elapsed() >= shutdown_delay);
    assert!(is_gone(second));
}

#[test]
fn asking_a_second_time_ends_the_shutdown_delay_too() {
    let times = Times {
        shutdown_delay: HOUR,
        ..TIMES
    };
    kills_at_the_second_request(Trial::new(DEAF, times));
}

#[test]
fn a_new_generation_rings_every_worker() {
    let trial = Trial::new(
        "trap 'echo >$directory/rung.$slot' URG; echo >$directory/ready.$slot; while sleep 0.01; do :; done",
        TIMES,
    );
    let all = |name| (0..2).all(|slot| trial.left(name, slot).is_some());
    eventually("workers that listen", || all("ready"));
    trial.notifier.notify(Notice::Published);
    eventually("every worker is rung", || all("rung"));
    trial.notifier.notify(Notice::Stop);
    trial.end().unwrap();
}
