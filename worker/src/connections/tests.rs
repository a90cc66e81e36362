//! Connections without sockets: how long they may last, which ones make room, how they end.

use std::future::{pending, poll_fn};
use std::io;
use std::task::Poll;

use super::registry::{MAX_HELD_BYTES, SHARE};
use super::*;

/// A connection that sends something in each of the first `busy_ticks`, and is silent then.
fn open(connections: &Rc<Connections>, busy_ticks: u32) -> u64 {
    let registration = connections.register();
    let number = registration.number();
    connections.spawn(number, async move {
        for _ in 0..busy_ticks {
            registration.sent(1);
            registration.flushed();
            actix_rt::time::sleep(TICK).await;
        }
        pending::<()>().await;
        drop(registration);
    });
    number
}

/// A connection whose request of that many bytes is not answered yet.
fn busy(connections: &Rc<Connections>, bytes: usize) -> io::Result<()> {
    let registration = connections.register();
    let read = registration.received(bytes);
    registration.activity().waits_for_body();
    connections.spawn(registration.number(), async move {
        pending::<()>().await;
        drop(registration);
    });
    read
}

fn limits(max_connections: usize) -> Limits {
    Limits {
        max_connections,
        max_body_bytes: 1024,
        header_timeout: Duration::from_secs(5),
        body_timeout: Duration::from_secs(5),
        keep_alive: Duration::from_secs(75),
        shutdown_timeout: Duration::from_secs(10),
    }
}

async fn ticks(count: u32) {
    for _ in 0..count {
        actix_rt::time::sleep(TICK).await;
    }
}

#[test]
fn closes_connections_that_are_silent_for_too_long_and_no_others() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(100), None);
        open(&connections, 0);
        open(&connections, 10);
        ticks(73).await;
        assert_eq!(connections.registry.count(), 2);
        ticks(4).await;
        assert_eq!(connections.registry.count(), 1);
        ticks(10).await;
        assert_eq!(connections.registry.count(), 0);
    });
}

/// A connection that takes that long to close.
fn closing_for(connections: &Rc<Connections>, time: Duration) {
    let registration = connections.register();
    let registry = Rc::clone(&connections.registry);
    connections.spawn(registration.number(), async move {
        // The drain wakes it.
        poll_fn(|_| match registry.drain_stage() {
            DrainStage::ClosingServed | DrainStage::ClosingAll => Poll::Ready(()),
            DrainStage::None | DrainStage::Announcing => Poll::Pending,
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
        let connections = Connections::new(limits(100), None);
        closing_for(&connections, Duration::from_secs(3));
        actix_rt::task::yield_now().await;
        let begun = actix_rt::time::Instant::now();
        connections.drain(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_millis() / 100, 35);

        open(&connections, 0);
        let begun = actix_rt::time::Instant::now();
        connections.drain(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_secs(), 10);
        assert_eq!(connections.registry.count(), 1);
    });
}

#[test]
fn the_longest_idle_connection_makes_room_and_no_other() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(3), None);
        let used = open(&connections, 20);
        let silent = open(&connections, 1);
        busy(&connections, 1).expect("room");
        ticks(10).await;
        connections.room().await;
        let is_open = |number| connections.registry.open().contains_key(&number);
        assert_eq!((is_open(used), is_open(silent)), (true, false));
        assert_eq!(connections.registry.count(), 2);
        // There is room now: none is closed for it.
        connections.room().await;
        assert!(is_open(used));
    });
}

#[test]
fn a_new_connection_waits_while_all_are_busy() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(2), None);
        busy(&connections, 1).expect("room");
        let registration = connections.register();
        registration.received(1).expect("a little");
        connections.spawn(registration.number(), async move {
            actix_rt::time::sleep(Duration::from_secs(3)).await;
            registration.sent(1);
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
fn connections_hold_a_bounded_amount_together_and_each_has_its_share() {
    actix_rt::System::new().block_on(async {
        let connections = Connections::new(limits(10_000), None);
        let most = MAX_HELD_BYTES / (1024 * 1024);
        for _ in 0..most {
            busy(&connections, 1024 * 1024).expect("room");
        }
        assert!(busy(&connections, SHARE + 1).is_err());
        busy(&connections, SHARE).expect("its share");
        connections.registry.open().values().for_each(|open| {
            open.task.as_ref().expect("task").abort();
        });
        connections.registry.all_closed().await;
        assert_eq!(connections.registry.held_bytes(), 0);
        busy(&connections, MAX_HELD_BYTES).expect("room again");
    });
}

#[test]
fn a_drain_without_connections_takes_no_time() {
    actix_rt::System::new().block_on(async {
        tokio::time::pause();
        let connections = Connections::new(limits(100), None);
        let begun = actix_rt::time::Instant::now();
        connections.drain(Duration::from_secs(10)).await;
        assert_eq!(begun.elapsed().as_millis(), 0);
        assert!(connections.is_draining());
    });
}
