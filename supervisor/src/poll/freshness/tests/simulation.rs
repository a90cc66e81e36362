//! Edits and fetches at any moment of a simulated time. The document must be served after the next poll. Deterministic;
//! a failure names its seed.

use super::world::{Edit, Large, MILLISECOND, Policy, SECOND, START, Small, Time, World, whole};
use super::*;

/// Always sends the date of the last document, like most clients. It shows that the simulation finds missed edits.
#[derive(Default)]
struct Always(Option<SystemTime>);

impl Policy for Always {
    fn since(&self, _now: Instant, _next: Duration) -> Option<SystemTime> {
        self.0
    }

    fn received(&mut self, updated_at: Time, _last_modified: Time, _timing: Timing) {
        self.0 = Some(whole(updated_at));
    }

    fn confirmed(&mut self, _timing: Timing) {}
}

/// The outcome of a number of double edits.
#[derive(Debug, Default)]
struct Outcome {
    /// Upstream's document was not served five polls later.
    missed: usize,
    /// The largest number of polls that one took.
    most_polls: usize,
    /// Fetches that brought the first edit before the second one happened.
    fetched_between: usize,
    /// Double edits whose dates are equal.
    same_second: usize,
}

fn double_edits<P: Policy>(count: usize, seed: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let mut world = World::<P>::new(seed, SECOND);
    // Hardly any, and nearly `MAX_CLOCK_SKEW`.
    world.skew = [SECOND / 10, 5 * SECOND / 2][usize::from(seed % 2 == 1)];
    for _ in 0..count {
        world.interval = [200, 1_000, 3_000, 10_000][world.dice.usize(0..4)] * MILLISECOND;
        let idle = world.dice.u64(0..8 * world.interval);
        world.poll_until(world.now + idle);

        // The first edit happens at any moment, and the second mostly within the same second. The fetches are mostly in
        // progress when one of the edits happens.
        let first = world.now + world.dice.u64(0..SECOND);
        let gap = if world.dice.u8(0..10) == 0 {
            world.dice.u64(0..3 * SECOND)
        } else {
            world.dice.u64(0..SECOND - first % SECOND)
        };
        let second = first + gap;
        world.edit(first);
        world.edit(second);
        let [.., one, other] = &world.edits[..] else {
            unreachable!()
        };
        outcome.same_second += usize::from(whole(one.updated_at) == whole(other.updated_at));
        let between = world.edits.len() - 2;
        for _ in 0..world.dice.usize(0..4) {
            let start = first - 100 * MILLISECOND + world.dice.u64(0..=gap + 200 * MILLISECOND);
            world.now = world.now.max(start);
            world.fetch();
            outcome.fetched_between += usize::from(world.served == between);
        }

        world.now = world.now.max(second);
        match world.polls_to_catch_up(5) {
            Some(polls) => outcome.most_polls = outcome.most_polls.max(polls),
            None => outcome.missed += 1,
        }
    }
    outcome
}

#[test]
fn of_ten_thousand_double_edits_none_is_missed() {
    let mut total = Outcome::default();
    for seed in 0..100 {
        let outcome = match seed % 4 {
            0 => double_edits::<Small>(100, seed),
            _ => double_edits::<Large>(100, seed),
        };
        assert_eq!(outcome.missed, 0, "seed {seed}: {outcome:?}");
        total.most_polls = total.most_polls.max(outcome.most_polls);
        total.fetched_between += outcome.fetched_between;
        total.same_second += outcome.same_second;
    }
    println!("10,000 double edits: {total:?}");
    assert_eq!(total.most_polls, 1, "{total:?}");
    assert!(total.fetched_between > 2_000, "{total:?}");
    assert!(total.same_second > 3_500, "{total:?}");
}

#[test]
fn a_client_that_always_sends_its_date_misses_many() {
    let missed = double_edits::<Always>(10_000, 1).missed;
    println!("always conditional: {missed} of 10,000 double edits missed");
    assert!(missed > 500, "{missed}");
}

/// The part of the fetches of an idle environment that are answered with 304.
fn part_of_304<P: Policy>(interval: Time) -> f64 {
    let mut world = World::<P>::new(interval, interval * SECOND);
    (world.fetches, world.not_modified) = (0, 0);
    world.poll_until(world.now + 10_000 * interval * SECOND);
    assert!(world.fetches > 5_000);
    world.not_modified as f64 / world.fetches as f64
}

#[test]
fn an_idle_environment_gets_mostly_304() {
    for interval in [1, 10, 60, 300] {
        let (small, large) = (
            part_of_304::<Small>(interval),
            part_of_304::<Large>(interval),
        );
        println!(
            "idle, polled every {interval} s: {:.1} % are 304, {:.1} % if the document is large",
            100.0 * small,
            100.0 * large
        );
        assert!(large > 0.949, "every {interval} s: {large}");
        let expected = match interval {
            1 => 0.97,
            10 => 0.75,
            _ => 0.0,
        };
        assert!(small >= expected, "every {interval} s: {small}");
    }
}

#[test]
fn a_clock_that_is_set_back_hides_no_edit_for_long() {
    for seed in 0..1_000 {
        let mut world = World::<Large>::new(seed, 10 * SECOND);
        world.poll_until(world.now + 100 * SECOND);
        let back = world.dice.u64(0..3_600 * SECOND);
        world.offset -= back.cast_signed();
        world.edit(world.now);
        let polls = world.polls_to_catch_up(5);
        assert!(polls.is_some(), "seed {seed}: set back by {back} µs");
    }
}

#[test]
fn a_restored_backup_is_noticed_within_the_promised_time() {
    for seed in 0..100 {
        restored::<Small>(seed, 60);
        restored::<Large>(seed, 20 * 60);
    }
}

/// A backup is restored and must be noticed within so many seconds; polls are up to a minute apart.
fn restored<P: Policy>(seed: u64, promised: Time) {
    let mut world = World::<P>::new(seed, SECOND);
    world.interval = world.dice.u64(1..60) * SECOND;
    world.poll_until(world.now + 10 * world.interval);
    let restored = world.now;
    world.edits.push(Edit {
        at: restored,
        updated_at: START - 1_000 * SECOND,
    });
    assert!(world.polls_to_catch_up(100).is_some());
    let took = world.now - restored;
    // One fetch may be slow.
    assert!(took <= (promised + 6) * SECOND, "seed {seed}: {took} µs");
}
