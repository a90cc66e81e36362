//! How documents are fetched and compiled: in all, and for each environment.

use std::collections::BTreeMap;
use std::time::SystemTime;

use contract::{BoardWords, Fetch};

use super::family::{Family, Label, Text};
use crate::environments::Environments;
use crate::environments::status::{State, Status};

pub(super) fn add(
    text: &mut Text,
    environments: &Environments,
    max_environments: usize,
    now: SystemTime,
) {
    let index = environments.index();
    let statuses: Vec<Status<'_>> = index.statuses(now).collect();
    in_all(text, &statuses, now);
    of_fetches(text, environments);
    if statuses.len() <= max_environments {
        of_each(text, &statuses, now);
    }
}

fn in_all(text: &mut Text, statuses: &[Status<'_>], now: SystemTime) {
    let mut family = Family::gauge(
        "environments",
        "Environments whose document is current, older than readiness allows, or missing.",
    );
    for state in State::ALL {
        let count = statuses.iter().filter(|it| it.state == state).count();
        family.add(&[("state", state.name())], count as u64);
    }
    text.add(family);
    let mut family = Family::gauge(
        "environments_realtime",
        "Environments whose stream of upstream is connected, and those whose is not.",
    );
    for (state, is_connected) in [("connected", true), ("disconnected", false)] {
        let these = statuses.iter().filter_map(|status| status.realtime);
        let count = these.filter(|it| *it == is_connected).count();
        family.add(&[("state", state)], count as u64);
    }
    text.add(family);
    let ages = statuses.iter().filter_map(|status| status.age(now));
    if let Some(oldest) = ages.max() {
        let family = Family::gauge(
            "environments_oldest_age_seconds",
            "Time since the last successful fetch of the environment for which it is longest.",
        );
        text.add(family.of(oldest));
    }
    let mut failing = BTreeMap::<String, u64>::new();
    for (failure, _) in statuses.iter().filter_map(|status| status.failing) {
        *failing.entry(failure.to_string()).or_default() += 1;
    }
    let mut family = Family::gauge(
        "environments_failing",
        "Environments whose last try to be fetched and published failed, by reason.",
    );
    for (reason, count) in failing {
        family.add(&[("reason", &reason)], count);
    }
    text.add(family);
}

fn of_fetches(text: &mut Text, environments: &Environments) {
    let proxy = environments.board().proxy();
    let mut family = Family::counter(
        "fetches_total",
        "Fetches of all environments: with another document, with the same, without one that could be published.",
    );
    for fetch in Fetch::ALL {
        family.add(&[("result", fetch.name())], proxy.fetches(fetch));
    }
    text.add(family);
    let mut family = Family::histogram("fetch_duration_seconds", "Time that fetches took.");
    family.add_histogram(&[], &proxy.fetch_durations());
    text.add(family);
    let mut family = Family::histogram(
        "compile_duration_seconds",
        "Time from a fetched document until its environment was published.",
    );
    family.add_histogram(&[], &proxy.compile_durations());
    text.add(family);
}

/// Each family by itself, because the samples of a family have to stand together.
fn of_each(text: &mut Text, statuses: &[Status<'_>], now: SystemTime) {
    let mut add = |mut family: Family, sample: &dyn Fn(&mut Family, Label<'_>, &Status<'_>)| {
        for status in statuses {
            sample(&mut family, ("environment", status.name), status);
        }
        text.add(family);
    };
    let age = Family::gauge(
        "environment_age_seconds",
        "Time since the last successful fetch of each environment.",
    );
    add(age, &|family, name, status| {
        if let Some(age) = status.age(now) {
            family.add(&[name], age);
        }
    });
    let generation = Family::gauge(
        "environment_generation",
        "The generation of each environment's snapshot, 0 for none. It grows with each publication.",
    );
    add(generation, &|family, name, status| {
        family.add(&[name], status.generation)
    });
    let bytes = Family::gauge(
        "environment_document_bytes",
        "The length of each environment's document.",
    );
    add(bytes, &|family, name, status| {
        family.add(&[name], status.words.document_bytes())
    });
    let warnings = Family::gauge(
        "environment_compile_warnings",
        "Warnings about each environment's document, if it was compiled since the start.",
    );
    add(warnings, &|family, name, status| {
        family.add(&[name], status.words.warnings())
    });
    let failing = Family::gauge(
        "environment_failing",
        "1 for each environment whose last try to be fetched and published failed, with the reason.",
    );
    add(failing, &|family, name, status| {
        if let Some((failure, _)) = status.failing {
            family.add(&[name, ("reason", &failure.to_string())], true);
        }
    });
    let fetches = Family::counter(
        "environment_fetches_total",
        "Fetches of each environment: with another document, with the same, without one that could be published.",
    );
    add(fetches, &|family, name, status| {
        for fetch in Fetch::ALL {
            let count = status.words.fetches(fetch);
            family.add(&[name, ("result", fetch.name())], count);
        }
    });
    let fetching = Family::counter(
        "environment_fetch_seconds_total",
        "Time that the fetches of each environment took together.",
    );
    add(fetching, &|family, name, status| {
        family.add(&[name], status.words.fetching())
    });
    let compiles = Family::counter(
        "environment_compiles_total",
        "How often each environment was compiled and published.",
    );
    add(compiles, &|family, name, status| {
        family.add(&[name], status.words.compiles())
    });
    let compiling = Family::counter(
        "environment_compile_seconds_total",
        "Time that compiling and publishing each environment took together.",
    );
    add(compiling, &|family, name, status| {
        family.add(&[name], status.words.compiling())
    });
}
