//! Providers of OpenFeature: those of OFREP, and Flagsmith's own, which use the endpoints of SDKs.

use super::Site;
use crate::harness::Script;

/// What every provider asks for.
const QUESTIONS: [&str; 6] = [
    "values",
    "identity",
    "traits",
    "traits as Flagsmith's provider sends them",
    "details",
    "unknown flag",
];

/// Runs a script, which asks the questions of every provider, and then for `more`.
fn run(script: &str, more: &[&str]) {
    let site = Site::open();
    if let Some(script) = Script::start(script, &[&site.origin()]) {
        site.compare(script, &[&QUESTIONS, more].concat());
    }
}

#[test]
fn the_providers_for_python_need_nothing_but_the_proxy() {
    run(
        "python/ofrep.py",
        &["server-side key", "Flagsmith's provider"],
    );
}

#[test]
fn the_providers_for_node_need_nothing_but_the_proxy() {
    run(
        "node/ofrep.js",
        &["server-side key", "Flagsmith's provider"],
    );
}

#[test]
fn the_provider_for_browsers_needs_nothing_but_the_proxy() {
    let more = [
        "what is known is not sent again",
        "stream",
        "edit, and status",
        "hosts asked",
        "errors in the console",
    ];
    run("browser/ofrep.js", &more);
}
