//! Outages of upstream, and how they end for all environments.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;

const ENVIRONMENTS: usize = 20;
/// Rows from here on are refused: that is not upstream's failure.
const REFUSED: usize = ENVIRONMENTS;
/// This row is told to come back much later.
const POSTPONED: usize = REFUSED + 10;
const POLL_FREQUENCY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Site {
    is_away: bool,
    is_back: bool,
    /// By row.
    requests: HashMap<usize, Vec<Instant>>,
}

impl Site {
    fn answer(&mut self, row: usize) -> Answer {
        self.requests.entry(row).or_default().push(Instant::now());
        match row {
            POSTPONED if self.is_away => {
                answer("503 Service Unavailable", &["Retry-After: 600"], "")
            }
            REFUSED..POSTPONED if self.is_away => answer("403 Forbidden", &[], ""),
            _ if self.is_back => answer("200 OK", &[], &document(row, 2)),
            _ if self.is_away => answer("503 Service Unavailable", &[], ""),
            _ => answer("200 OK", &[], &document(row, 1)),
        }
    }

    fn count(&self, row: usize) -> usize {
        self.requests.get(&row).map_or(0, Vec::len)
    }
}

#[test]
fn the_first_success_after_an_outage_has_all_environments_that_failed_with_upstream_tried() {
    let site = Arc::new(Mutex::new(Site::default()));
    let upstream = Arc::clone(&site);
    let stub = Stub::answering(move |request| upstream.lock().unwrap().answer(row(request)));
    let environments = pairs(POSTPONED + 1);
    let source = self::upstream(&stub);
    let trial = Trial::every(
        POLL_FREQUENCY,
        environments,
        &source,
        engine::compile_with,
        |_| false,
    );
    eventually("every first document", || {
        (0..=POSTPONED).all(|row| trial.document(row).is_some())
    });

    // They wait 1, 2 and 4 s, and then the longest back-off.
    let begun: Vec<usize> = {
        let mut site = site.lock().unwrap();
        site.is_away = true;
        (0..=POSTPONED).map(|row| site.count(row)).collect()
    };
    eventually("the longest back-off of each", || {
        let site = site.lock().unwrap();
        (0..POSTPONED).all(|row| site.count(row) >= begun[row] + 4)
    });

    let returned = Instant::now();
    site.lock().unwrap().is_back = true;
    eventually("every new document", || {
        (0..ENVIRONMENTS).all(|row| trial.document(row) == Some(document(row, 2)))
    });
    let all_current = Instant::now();
    let site = site.lock().unwrap();
    let since = |row: usize| {
        let times = site.requests[&row].iter();
        times.filter(|time| **time >= returned).collect::<Vec<_>>()
    };
    let first_success = (0..ENVIRONMENTS).filter_map(|row| since(row).first().copied());
    let took = all_current - *first_success.min().unwrap();
    println!("all environments are current {took:?} after the first success");
    assert!(took < Duration::from_secs(3), "{took:?}");
    // Those whose turn it was by chance are few.
    let refused = (REFUSED..POSTPONED).filter(|&row| !since(row).is_empty());
    assert!(refused.count() < 5);
    assert_eq!(site.count(POSTPONED), begun[POSTPONED] + 1);
}
