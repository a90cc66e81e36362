//! The core API with its default settings, in simulated time: it answers 304 for up to a minute after an edit, and some
//! edits do not move its date at all.

use super::world::{Edit, Policy, SECOND, Small, World};

const MINUTE: u64 = 60 * SECOND;

/// An environment that is polled every 10 s, at an API that caches dates.
fn world<P: Policy>(seed: u64) -> World<P> {
    let mut world = World::<P>::new(seed, 10 * SECOND);
    world.skew = SECOND / 10;
    world.date_cache = MINUTE;
    world
}

/// The times until edits were served, in microseconds; they come a random time after one another.
fn delays(seed: u64, edits: usize) -> Vec<u64> {
    let mut world = world::<Small>(seed);
    (0..edits)
        .map(|_| {
            let idle = world.dice.u64(0..3 * MINUTE);
            world.poll_until(world.now + idle);
            let edited = world.now;
            world.edit(edited);
            let wait = world.dice.u64(0..world.interval);
            world.now += wait;
            assert!(world.polls_to_catch_up(10).is_some(), "seed {seed}");
            world.now - edited
        })
        .collect()
}

#[test]
fn an_edit_is_served_with_the_next_poll_once_upstream_is_known() {
    let mut late = 0;
    for seed in 0..200 {
        let delays = delays(seed, 40);
        let (first, later) = delays.split_at(6);
        assert!(first.iter().all(|delay| *delay <= MINUTE + 6 * SECOND));
        // A date that happens to be renewed right after an edit, three times in a row, hides the next edit.
        late += later
            .iter()
            .filter(|delay| **delay > 11 * SECOND + 6 * SECOND)
            .count();
    }
    println!("{late} of 6,800 later edits took more than one poll");
    assert!(late <= 10, "{late}");
}

#[test]
fn a_change_without_a_date_is_served_within_a_minute() {
    for (seed, date_cache) in (0..500).zip([0, MINUTE].into_iter().cycle()) {
        let mut world = world::<Small>(seed);
        world.date_cache = date_cache;
        world.interval = [1, 10, 25][world.dice.usize(0..3)] * SECOND;
        let idle = world.dice.u64(MINUTE..3 * MINUTE);
        world.poll_until(world.now + idle);
        let (at, updated_at) = (world.now, world.edits[0].updated_at);
        world.edits.push(Edit { at, updated_at });
        assert!(world.polls_to_catch_up(100).is_some());
        let took = world.now - at;
        // One fetch may be slow.
        assert!(took <= MINUTE + 6 * SECOND, "seed {seed}: {took} µs");
    }
}
