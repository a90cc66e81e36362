//! Connections that are only counted: how long they may last, who makes room, how they end.

use super::*;
use std::future::pending;

const SILENCE: Duration = Duration::from_secs(75);

/// A connection on which nothing happens, but for as many ticks as it is told.
fn open(connections: &Rc<Connections>, busy_ticks: u32) -> u64 {
    let registration = connections.enter();
    let number = registration.number();
    connections.serve(number, async move {
        for _ in 0..busy_ticks {
            registration.wrote(1);
            registration.flushed();
            actix_rt::time::sleep(TICK).await;
        }
        pending::<()>().await;
        drop(registration);
    });
    number
}

/// A connection that has a request in hand.
fn busy(connections: &Rc<Connections>, bytes: usize) -> io::Result<()> {
    let registration = connections.enter();
    let read = registration.read(bytes);
    registration.activity().reading();
    connections.serve(registration.number(), async move {
        pending::<()>().await;
        drop(registration);
    });
    read
}

fn limits(connections: usize) -> Limits {
    Limits {
        max_connections: connections,
        max_body_bytes: 1024,
        header_timeout: Duration::from_secs(5),
        body_timeout: Duration::from_secs(5),
        keep_alive: SILENCE,
        shutdown_timeout: Duration::from_secs(10),
    }
}

async fn ticks(count: u32) {
    for _ in 0..count {
        actix_rt::time::sleep(TICK).await;
    }
}

#[test]
fn closes_what_is_silent_for_too_long_and_nothing_else() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(100));
        open(&connections, 0);
        open(&connections, 10);
        ticks(73).await;
        assert_eq!(connections.open.borrow().len(), 2);
        ticks(4).await;
        assert_eq!(connections.open.borrow().len(), 1);
        ticks(10).await;
        assert_eq!(connections.open.borrow().len(), 0);
    });
}

/// A connection that takes so long once it is to close.
fn closing_for(connections: &Rc<Connections>, time: Duration) {
    let registration = connections.enter();
    connections.serve(registration.number(), async move {
        poll_fn(|_| match registration.connections.closing.get() {
            true => Poll::Ready(()),
            // Woken when there is a reason to look.
            false => Poll::Pending,
        })
        .await;
        actix_rt::time::sleep(time).await;
        drop(registration);
    });
}

#[test]
fn drains_until_the_last_connection_is_closed_or_the_time_is_over() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(100));
        closing_for(&connections, Duration::from_secs(3));
        actix_rt::task::yield_now().await;
        let begun = actix_rt::time::Instant::now();
        connections.drain(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_millis() / 100, 35);

        open(&connections, 0);
        let begun = actix_rt::time::Instant::now();
        connections.drain(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_secs(), 10);
        assert_eq!(connections.open.borrow().len(), 1);
    });
}

#[test]
fn the_longest_silent_makes_room_and_nobody_else() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(3));
        let lively = open(&connections, 20);
        let silent = open(&connections, 1);
        busy(&connections, 1).expect("room");
        ticks(10).await;
        connections.room().await;
        let is_open = |number| connections.open.borrow().contains_key(&number);
        assert_eq!((is_open(lively), is_open(silent)), (true, false));
        assert_eq!(connections.open.borrow().len(), 2);
        // There is room now: nobody is closed for it.
        connections.room().await;
        assert!(is_open(lively));
    });
}

#[test]
fn the_next_waits_when_all_are_busy() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(2));
        busy(&connections, 1).expect("room");
        let registration = connections.enter();
        registration.read(1).expect("a little");
        connections.serve(registration.number(), async move {
            actix_rt::time::sleep(Duration::from_secs(3)).await;
            registration.wrote(1);
            registration.flushed();
            pending::<()>().await;
        });
        let begun = actix_rt::time::Instant::now();
        connections.room().await;
        let waited = begun.elapsed();
        assert!((3.0..3.1).contains(&waited.as_secs_f64()), "{waited:?}");
    });
}

#[test]
fn requests_hold_a_bounded_amount_together_and_each_has_its_share() {
    actix_rt::System::new().block_on(async {
        let connections = Connections::new(limits(10_000));
        let most = HELD / (1024 * 1024);
        for _ in 0..most {
            busy(&connections, 1024 * 1024).expect("room");
        }
        assert!(busy(&connections, SHARE + 1).is_err());
        busy(&connections, SHARE).expect("its share");
        connections.open.borrow().values().for_each(|open| {
            open.task.as_ref().expect("task").abort();
        });
        while !connections.open.borrow().is_empty() {
            connections.closed.notified().await;
        }
        assert_eq!(connections.held.get(), 0);
        busy(&connections, HELD).expect("room again");
    });
}

#[test]
fn a_drain_without_connections_takes_no_time() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(100));
        let begun = actix_rt::time::Instant::now();
        connections.drain(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_millis(), 0);
        assert!(connections.is_draining());
    });
}
