//! Two edits within a second, with the real poller over real HTTP. Upstream's clock moves only with requests, so that
//! edits and fetches meet in every order. The served document is checked before each answer.

use std::sync::{Mutex, OnceLock};

use super::*;

const ROWS: usize = 8;
/// The number of double edits in a usual run, which takes a few seconds.
const DOUBLE_EDITS: usize = 400;
const SECOND: u64 = 1_000_000;
/// One or two polls are enough; an edit that takes more is missed.
const MOST_POLLS: usize = 5;

/// One environment at upstream.
struct Site {
    row: usize,
    dice: fastrand::Rng,
    /// In microseconds, like `updated_at`. Only requests move it.
    clock: u64,
    updated_at: u64,
    edition: usize,
    phase: Phase,
}

/// The next event, and the number of requests before it.
enum Phase {
    FirstEdit(usize),
    SecondEdit(usize),
    /// The number of requests that could have brought the second edit.
    Settling(usize),
}

#[derive(Debug, Default)]
struct Outcome {
    double_edits: usize,
    missed: usize,
    most_polls: usize,
    not_modified: usize,
    requests: usize,
}

impl Site {
    fn new(row: usize) -> Self {
        let clock = 1_700_000_000 * SECOND;
        Self {
            row,
            dice: fastrand::Rng::with_seed(row as u64),
            clock,
            updated_at: clock,
            edition: 1,
            phase: Phase::FirstEdit(1),
        }
    }

    fn document(&self) -> String {
        let timestamp = jiff::Timestamp::from_microsecond(self.updated_at.cast_signed()).unwrap();
        document(self.row, self.edition)
            .replace("2023-07-14T16:12:00.000000Z", &timestamp.to_string())
    }

    fn edit(&mut self) {
        self.edition += 1;
        self.updated_at = self.clock;
    }

    fn pass(&mut self, most: u64) {
        self.clock += self.dice.u64(0..most.max(1));
    }

    /// Answers like Django: 304 if the second of the last edit is not after the one in the request.
    fn answer(&mut self, since: Option<u64>, outcome: &mut Outcome) -> Answer {
        outcome.requests += 1;
        let date = Duration::from_secs(self.clock / SECOND);
        let date = httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + date);
        let date = format!("Date: {date}");
        if since.is_some_and(|since| self.updated_at / SECOND <= since) {
            outcome.not_modified += 1;
            return answer("304 Not Modified", &[&date], "");
        }
        answer("200 OK", &[&date], &self.document())
    }

    fn asked(&mut self, since: Option<u64>, served: Option<&str>, outcome: &mut Outcome) -> Answer {
        if let Phase::Settling(polls) = self.phase {
            let settled = served == Some(&self.document());
            if settled || polls == MOST_POLLS {
                outcome.double_edits += 1;
                outcome.missed += usize::from(!settled);
                outcome.most_polls = outcome.most_polls.max(polls);
                self.phase = Phase::FirstEdit(self.dice.usize(0..4));
            }
        }
        // Half of the edits happen after the document was read for this answer.
        let late = self.dice.bool();
        let early = late.then(|| self.answer(since, outcome));
        match self.phase {
            Phase::FirstEdit(0) => {
                self.pass(3 * SECOND);
                self.edit();
                self.phase = Phase::SecondEdit(self.dice.usize(0..3));
            }
            Phase::SecondEdit(left) => {
                self.pass(SECOND - self.clock % SECOND);
                if left == 0 {
                    self.edit();
                    self.phase = Phase::Settling(usize::from(!late));
                } else {
                    self.phase = Phase::SecondEdit(left - 1);
                }
            }
            Phase::FirstEdit(left) => {
                self.pass(10 * SECOND);
                self.phase = Phase::FirstEdit(left - 1);
            }
            Phase::Settling(polls) => {
                self.pass(3 * SECOND);
                self.phase = Phase::Settling(polls + 1);
            }
        }
        early.unwrap_or_else(|| self.answer(since, outcome))
    }
}

/// The date in a request's head.
fn since(request: &str) -> Option<u64> {
    let date = header(request, "if-modified-since")?;
    let date = httpdate::parse_http_date(date).unwrap();
    let since = date.duration_since(std::time::SystemTime::UNIX_EPOCH);
    Some(since.unwrap().as_secs())
}

#[test]
fn no_edit_is_missed_over_http() {
    let reader: Arc<OnceLock<Reader>> = Arc::default();
    let outcome: Arc<Mutex<Outcome>> = Arc::default();
    let stub = Stub::answering({
        let (reader, outcome) = (Arc::clone(&reader), Arc::clone(&outcome));
        let sites: Vec<_> = (0..ROWS).map(|row| Mutex::new(Site::new(row))).collect();
        move |request| {
            let row = row(request);
            let served = reader.get().and_then(|reader| mapped(reader, row));
            let served =
                served.map(|map| String::from_utf8(map.document().body().to_vec()).unwrap());
            let mut outcome = outcome.lock().unwrap();
            let mut site = sites[row].lock().unwrap();
            site.asked(since(request), served.as_deref(), &mut outcome)
        }
    });
    let trial = Trial::of(&stub, ROWS);
    let opened = Reader::open(trial.directory.path(), engine::FORMAT).unwrap();
    assert!(reader.set(opened).is_ok());

    let wanted = DOUBLE_EDITS * testing::scale();
    let mut before = 0;
    while before < wanted {
        eventually("more double edits", || {
            outcome.lock().unwrap().double_edits > before
        });
        before = outcome.lock().unwrap().double_edits;
    }
    let outcome = outcome.lock().unwrap();
    println!("over HTTP: {outcome:?}");
    assert_eq!(outcome.missed, 0, "{outcome:?}");
    assert!(outcome.most_polls <= 2, "{outcome:?}");
    // Without 304 answers the test would prove nothing.
    assert!(outcome.not_modified > wanted / 4, "{outcome:?}");
}
