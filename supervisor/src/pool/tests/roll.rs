//! Rolls with workers that only sleep. The test writes to the board for them that they are ready.

use tempfile::TempDir;

use super::*;

/// Two workers that serve and are to be replaced.
struct Trial {
    pool: Pool,
    notices: Notices,
    board: Arc<Board>,
    _directory: TempDir,
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

impl Trial {
    fn new(script: &'static str, times: Times) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let board = board(directory.path());
        let mut pool = Pool::new(
            new(script),
            sockets(2),
            Arc::clone(&board),
            no_rings(),
            times,
        );
        pool.start().unwrap();
        let trial = Self {
            pool,
            notices: Notices::of_children().unwrap(),
            board,
            _directory: directory,
        };
        (0..2).for_each(|slot| trial.ready(slot));
        trial
    }

    /// Writes to the board that the worker of the slot is ready.
    fn ready(&self, slot: usize) {
        ready(&self.board, slot);
    }

    fn processes(&mut self) -> [Pid; 2] {
        let running: Vec<Pid> = self.pool.slots.running().map(|(_, it)| pid(it)).collect();
        running.try_into().expect("a worker in each slot")
    }

    /// The worker that boots to take over a slot.
    fn successor(&mut self) -> Pid {
        let mut successors =
            (0..2).filter_map(|slot| self.pool.slots.successor(slot).map(|it| pid(it)));
        successors.next().expect("a successor")
    }

    fn turn(&mut self) {
        self.notices.wait(self.pool.due());
        self.pool.tend().unwrap();
    }

    /// Tends the pool until the roll is over.
    fn outcome(&mut self) -> Rolled {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            self.turn();
            if let Some(rolled) = self.pool.take_rolled() {
                return rolled;
            }
            assert!(Instant::now() < deadline, "the roll does not end");
        }
    }

    /// Tends the pool until these processes are gone.
    fn reap(&mut self, processes: &[Pid]) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !processes.iter().all(|process| is_gone(*process)) {
            self.turn();
            assert!(Instant::now() < deadline, "{processes:?} live on");
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.pool.slots.signal(Signal::SIGKILL);
        self.pool.drain();
        serve(&mut self.pool, &self.notices).unwrap();
    }
}

fn board(directory: &Path) -> Arc<Board> {
    let shape = board_shape(1, 1, 2);
    let publisher = Publisher::open(&directory.join("state"), shape).unwrap();
    publisher.share_board()
}

fn ready(board: &Board, slot: usize) {
    let process = board.worker_process(slot);
    board.set_worker_state(slot, process, WorkerState::Ready);
}

fn pid(worker: &worker::Worker) -> Pid {
    Pid::from_raw(worker.process().cast_signed())
}

fn new(script: &'static str) -> WorkerCommand {
    WorkerCommand::new(move |_| (shell(script), handover(0)))
}

#[test]
fn one_after_the_other_is_replaced_when_its_successor_is_ready() {
    let mut trial = Trial::new("exec sleep 60", TIMES);
    let old = trial.processes();
    trial.pool.roll(new("exec sleep 61"), None);
    trial.turn();
    let first = trial.successor();
    assert_eq!(trial.processes(), old, "it is not ready");
    assert_eq!(trial.board.worker_state(0), WorkerState::Starting);
    trial.ready(0);
    trial.turn();
    assert_eq!(trial.processes(), [first, old[1]]);
    assert!(!is_gone(old[1]), "its turn is to come");
    trial.reap(&old[..1]);
    let second = trial.successor();
    trial.ready(1);
    let rolled = trial.outcome();
    assert_eq!((rolled.workers, rolled.failure), (2, None));
    assert_eq!(trial.processes(), [first, second]);
    trial.reap(&old);
    // Later workers are started by the new command.
    kill(first, Signal::SIGKILL).unwrap();
    trial.reap(&[first]);
    let command = |process: Pid| std::fs::read_to_string(format!("/proc/{process}/cmdline"));
    eventually("a successor of the new kind", || {
        trial.turn();
        let process = trial.processes()[0];
        command(process).is_ok_and(|command| command == "sleep\x0061\x00")
    });
}

#[test]
fn one_that_exits_before_it_is_ready_ends_the_roll() {
    for (script, failure) in [
        ("exit 3", "new worker 0 could not boot"),
        (
            "exit 7",
            "new worker 0 exited before it was ready: status 7",
        ),
        (
            "kill -9 $$",
            "new worker 0 exited before it was ready: signal 9",
        ),
    ] {
        let mut trial = Trial::new("exec sleep 60", TIMES);
        let old = trial.processes();
        trial.pool.roll(new(script), None);
        let rolled = trial.outcome();
        assert_eq!(
            (rolled.workers, rolled.failure.as_deref()),
            (0, Some(failure))
        );
        assert_eq!(trial.processes(), old);
        // The board shows the running worker again.
        assert_eq!(
            trial.board.worker_process(0),
            old[0].as_raw().cast_unsigned()
        );
        assert_eq!(trial.board.worker_state(0), WorkerState::Ready);
    }
}

#[test]
fn one_that_does_not_get_ready_is_killed_and_ends_the_roll() {
    let times = Times {
        boot_timeout: Duration::from_millis(100),
        ..TIMES
    };
    let mut trial = Trial::new("exec sleep 60", times);
    let old = trial.processes();
    trial.pool.roll(new("trap '' TERM; exec sleep 60"), None);
    trial.turn();
    let successor = trial.successor();
    let rolled = trial.outcome();
    assert_eq!(
        rolled.failure.as_deref(),
        Some("new worker 0 was not ready within 0.1 s")
    );
    trial.reap(&[successor]);
    assert_eq!(trial.processes(), old);
}

#[test]
fn a_program_that_is_not_there_ends_the_roll() {
    let mut trial = Trial::new("exec sleep 60", TIMES);
    let old = trial.processes();
    trial.pool.roll(
        WorkerCommand::new(|_| (Command::new("/no/such/program"), handover(0))),
        None,
    );
    let failure = trial.outcome().failure.unwrap();
    assert!(
        failure.starts_with("new worker 0 could not be started: "),
        "{failure}"
    );
    assert_eq!(trial.processes(), old);
}

#[test]
fn one_that_dies_while_its_successor_boots_is_not_replaced_twice() {
    let mut trial = Trial::new("exec sleep 60", TIMES);
    let old = trial.processes();
    trial.pool.roll(new("exec sleep 61"), None);
    trial.turn();
    let successor = trial.successor();
    kill(old[0], Signal::SIGKILL).unwrap();
    trial.reap(&old[..1]);
    assert_eq!(
        trial.board.worker_process(0),
        successor.as_raw().cast_unsigned()
    );
    trial.ready(0);
    trial.turn();
    assert_eq!(trial.processes(), [successor, old[1]]);
}

#[test]
fn one_that_does_not_drain_is_killed_in_the_end() {
    // It is killed KILL_MARGIN after that.
    let times = Times {
        shutdown_timeout: Duration::ZERO,
        ..TIMES
    };
    let mut trial = Trial::new("trap '' TERM; exec sleep 60", times);
    let old = trial.processes();
    let deaf = |process: &Pid| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
        ignored & 1 << (Signal::SIGTERM as u64 - 1) != 0
    };
    eventually("workers that hear nothing", || old.iter().all(deaf));
    trial.pool.roll(new("exec sleep 61"), None);
    for slot in 0..2 {
        trial.turn();
        trial.ready(slot);
        trial.turn();
    }
    assert_eq!(trial.outcome().failure, None);
    assert!(!old.into_iter().any(is_gone));
    trial.reap(&old);
}

#[test]
fn a_successor_that_boots_ends_with_all_the_others() {
    let mut trial = Trial::new("exec sleep 60", TIMES);
    trial.pool.roll(new("exec sleep 61"), None);
    trial.turn();
    let [first, second] = trial.processes();
    let processes = [first, second, trial.successor()];
    trial.pool.stop();
    serve(&mut trial.pool, &trial.notices).unwrap();
    assert!(processes.into_iter().all(is_gone));
}

#[test]
fn new_sockets_are_taken_slot_by_slot_and_the_others_stay_open() {
    let mut trial = Trial::new("exec sleep 60", TIMES);
    let kept = trial.pool.sockets().to_vec();
    let address = loopback(0);
    let admin = listener::open(&address, 2.try_into().unwrap()).unwrap();
    let next: Vec<_> = (kept.iter().zip(&admin))
        .map(|(kept, admin)| SlotListeners {
            public: Arc::clone(&kept.public),
            admin: Arc::clone(admin),
        })
        .collect();
    let has_admin = |trial: &Trial| [0, 1].map(|slot| !trial.pool.sockets()[slot].admin.is_empty());
    trial.pool.roll(new("exec sleep 61"), Some(next));
    trial.turn();
    assert_eq!(has_admin(&trial), [false, false]);
    trial.ready(0);
    trial.turn();
    assert_eq!(has_admin(&trial), [true, false]);
    trial.ready(1);
    assert_eq!(trial.outcome().failure, None);
    assert_eq!(has_admin(&trial), [true; 2]);
    // The public sockets are the same, and take connections.
    let public = kept[0].public[0].local_addr().unwrap();
    std::net::TcpStream::connect_timeout(&public, Duration::from_secs(5)).unwrap();

    let public = listener::open(&address, 2.try_into().unwrap()).unwrap();
    let moved = public[0][0].local_addr().unwrap();
    let next: Vec<_> = (public.into_iter().zip(admin))
        .map(|(public, admin)| SlotListeners { public, admin })
        .collect();
    trial.pool.roll(new("exec sleep 62"), Some(next));
    for slot in 0..2 {
        trial.turn();
        trial.ready(slot);
        trial.turn();
    }
    assert_eq!(trial.outcome().failure, None);
    let slots = trial.pool.sockets().iter();
    assert!(
        slots
            .clone()
            .all(|slot| slot.public[0].local_addr().unwrap() == moved)
    );
    // Another address with the same port can be opened beside those in use.
    let everywhere = Address {
        host: "*".to_owned(),
        ..loopback(moved.port())
    };
    let others = &trial.pool.sockets()[0].public;
    assert!(listener::open_beside(others, &everywhere, 2.try_into().unwrap()).is_ok());
    assert!(listener::open(&everywhere, 2.try_into().unwrap()).is_err());
}
