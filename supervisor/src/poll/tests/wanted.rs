//! Fetches that workers ask for.

use super::*;

#[test]
fn what_a_worker_asks_for_is_fetched_at_once_and_whole() {
    let stub = Stub::start([("0", document(0, 0)), ("1", document(1, 0))]);
    let hour = Duration::from_secs(3600);
    let source = upstream(&stub);
    let trial = Trial::every(hour, pairs(2), &source, engine::compile_with, |_| false);
    eventually("both documents", || {
        (0..2).all(|row| trial.document(row).is_some())
    });
    for edition in 1..3 {
        stub.set("0", Answer::Document(document(0, edition)));
        trial.want_fetch(0);
        eventually("the edit", || {
            trial.document(0) == Some(document(0, edition))
        });
    }
    assert_eq!((stub.count("0"), stub.count("1")), (3, 1));
    let is_whole = |head: &String| header(head, "if-modified-since").is_none();
    assert!(stub.heads("0").iter().all(is_whole));
}
