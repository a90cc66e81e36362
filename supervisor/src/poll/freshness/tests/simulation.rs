//! Simulated edits and fetches at any moment. Upstream compares dates like Django, and its document must be served
//! after the next poll. Deterministic; a failure names its seed.

use super::*;

/// Microseconds, like `updated_at`.
type Time = u64;

const MILLISECOND: Time = 1_000;
const SECOND: Time = 1_000_000;
/// More than any margin, however a test sets clocks.
const START: Time = 1_700_000_000 * SECOND;

/// Decides whether a fetch is conditional.
trait Policy: Default {
    fn since(&self, now: Instant) -> Option<SystemTime>;
    fn received(&mut self, updated_at: Time, timing: Timing);
    fn confirmed(&mut self, timing: Timing);
}

impl Policy for Freshness {
    fn since(&self, now: Instant) -> Option<SystemTime> {
        self.if_modified_since(now)
    }

    fn received(&mut self, updated_at: Time, timing: Timing) {
        let timestamp = jiff::Timestamp::from_microsecond(updated_at.cast_signed()).unwrap();
        self.received(Some(&timestamp.to_string()), None, timing);
    }

    fn confirmed(&mut self, timing: Timing) {
        self.confirmed(timing);
    }
}

/// Always sends the date of the last document, like most clients. It shows that the simulation finds missed edits.
#[derive(Default)]
struct Always(Option<SystemTime>);

impl Policy for Always {
    fn since(&self, _now: Instant) -> Option<SystemTime> {
        self.0
    }

    fn received(&mut self, updated_at: Time, _timing: Timing) {
        self.0 = Some(whole(updated_at));
    }

    fn confirmed(&mut self, _timing: Timing) {}
}

fn whole(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time / SECOND)
}

struct Edit {
    at: Time,
    updated_at: Time,
}

/// One environment, at upstream and here.
struct World<P> {
    policy: P,
    dice: fastrand::Rng,
    epoch: Instant,
    now: Time,
    /// Oldest first. The document is that of the last edit that has happened.
    edits: Vec<Edit>,
    /// The difference of upstream's clocks from the simulated time, in microseconds.
    offset: i64,
    /// The largest difference between the clocks of upstream's machines.
    skew: Time,
    served: usize,
    fetches: usize,
    not_modified: usize,
}

impl<P: Policy> World<P> {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            policy: P::default(),
            dice: fastrand::Rng::with_seed(seed),
            epoch: Instant::now(),
            now: START,
            edits: Vec::new(),
            offset: 0,
            skew: SECOND,
            served: 0,
            fetches: 0,
            not_modified: 0,
        };
        world.edit(START);
        world.now += SECOND;
        world.fetch();
        world
    }

    /// The clock of a random machine of upstream.
    fn clock(&mut self, time: Time) -> Time {
        time.checked_add_signed(self.offset).unwrap() + self.dice.u64(0..=self.skew)
    }

    fn edit(&mut self, at: Time) {
        let updated_at = self.clock(at);
        self.edits.push(Edit { at, updated_at });
    }

    /// Fetches now, and advances the time to the end of the answer.
    fn fetch(&mut self) {
        let sent = self.epoch + Duration::from_micros(self.now - START);
        let slow = if self.dice.u8(..) == 0 { 20 } else { 1 };
        let mut leg = || slow * self.dice.u64(0..100 * MILLISECOND);
        let read = self.now + leg();
        let stamped = read + leg();
        let arrived = stamped + leg();
        let timing = Timing {
            sent,
            elapsed: Duration::from_micros(arrived - self.now),
            date: Some(whole(self.clock(stamped))),
        };
        let document = self.edits.iter().rposition(|edit| edit.at <= read).unwrap();
        let updated_at = self.edits[document].updated_at;
        self.fetches += 1;
        let since = self.policy.since(sent);
        if since.is_some_and(|since| whole(updated_at) <= since) {
            self.not_modified += 1;
            self.policy.confirmed(timing);
        } else {
            self.served = document;
            self.policy.received(updated_at, timing);
        }
        self.now = arrived;
    }

    fn poll_until(&mut self, end: Time, interval: Time) {
        while self.now < end {
            self.fetch();
            let wait = self.dice.u64(interval * 9 / 10..=interval * 11 / 10);
            self.now = (self.now + wait).min(end.max(self.now));
        }
    }

    /// The number of polls until upstream's document is served; `None` if it is more than `most`.
    fn polls_to_catch_up(&mut self, interval: Time, most: usize) -> Option<usize> {
        for poll in 1..=most {
            self.fetch();
            if self.served == self.edits.len() - 1 {
                return Some(poll);
            }
            self.now += interval;
        }
        None
    }
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
    let mut world = World::<P>::new(seed);
    // Hardly any, and nearly `MAX_CLOCK_SKEW`.
    world.skew = [SECOND / 10, 5 * SECOND / 2][usize::from(seed % 2 == 1)];
    for _ in 0..count {
        let interval = [200, 1_000, 3_000, 10_000][world.dice.usize(0..4)] * MILLISECOND;
        let idle = world.dice.u64(0..8 * interval);
        world.poll_until(world.now + idle, interval);

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
        match world.polls_to_catch_up(interval, 5) {
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
        let outcome = double_edits::<Freshness>(100, seed);
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

#[test]
fn an_idle_environment_gets_almost_only_304() {
    for interval in [1, 10, 60, 300] {
        let mut world = World::<Freshness>::new(interval);
        (world.fetches, world.not_modified) = (0, 0);
        world.poll_until(world.now + 10_000 * interval * SECOND, interval * SECOND);
        let part = world.not_modified as f64 / world.fetches as f64;
        println!(
            "idle, polled every {interval} s: {:.2} % are 304",
            100.0 * part
        );
        assert!(world.fetches > 5_000);
        assert!(part > 0.95, "every {interval} s: {part}");
    }
}

#[test]
fn a_clock_that_is_set_back_hides_no_edit_for_long() {
    for seed in 0..1_000 {
        let mut world = World::<Freshness>::new(seed);
        let interval = 10 * SECOND;
        world.poll_until(world.now + 10 * interval, interval);
        let back = world.dice.u64(0..3_600 * SECOND);
        world.offset -= back.cast_signed();
        world.edit(world.now);
        let polls = world.polls_to_catch_up(interval, 5);
        assert!(polls.is_some(), "seed {seed}: set back by {back} µs");
    }
}

#[test]
fn a_restored_backup_is_noticed_within_the_promised_time() {
    for seed in 0..100 {
        let mut world = World::<Freshness>::new(seed);
        let interval = world.dice.u64(1..60) * SECOND;
        world.poll_until(world.now + 10 * interval, interval);
        let restored = world.now;
        world.edits.push(Edit {
            at: restored,
            updated_at: START - 1_000 * SECOND,
        });
        let most = 2 * MIN_CONFIRMATIONS as usize + 600;
        assert!(world.polls_to_catch_up(interval, most).is_some());
        let promised = Time::max(600 * SECOND, u64::from(MIN_CONFIRMATIONS) * interval);
        let took = world.now - restored;
        assert!(
            took < promised + 5 * interval + 60 * SECOND,
            "{took} µs of {promised}"
        );
    }
}
