//! Evaluations, added up for each environment, labels and feature.

use std::collections::HashMap;

use journal::{Evaluation, Labels};

use super::delivery::{Delivery, Destination, Headers, MAX_BODY_BYTES, json};

/// How many combinations of environment and labels are told apart. Clients choose their labels, and each combination
/// is a request to upstream. What comes with further ones counts without labels.
const MAX_GROUPS: usize = 256;
/// The highest number that upstream can store.
const MAX_COUNT: u64 = i32::MAX as u64;

/// Evaluations of many reports.
#[derive(Default)]
pub(super) struct Analytics {
    groups: Vec<Group>,
    /// The position of each group by environment and labels, as `postcard` writes them.
    positions: HashMap<Vec<u8>, usize>,
    /// The key of the group that is looked for.
    key: Vec<u8>,
    /// How many different things are counted.
    entries: usize,
}

/// What clients with one environment and the same labels report.
#[derive(Default)]
struct Group {
    environment: String,
    headers: Headers,
    counts: HashMap<String, u64>,
    evaluations: HashMap<Detail, u64>,
}

/// What is counted of evaluations with details.
#[derive(PartialEq, Eq, Hash)]
struct Detail {
    feature: String,
    identifier: Option<String>,
    enabled: bool,
}

impl Analytics {
    /// How many different things are counted.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn add_counts(
        &mut self,
        environment: &str,
        labels: Labels<'_>,
        counts: &[(&str, u64)],
    ) {
        let mut added = 0;
        let group = self.group(environment, labels);
        for (feature, count) in counts {
            match group.counts.get_mut(*feature) {
                Some(sum) => *sum = sum.saturating_add(*count),
                None => {
                    group.counts.insert((*feature).to_owned(), *count);
                    added += 1;
                }
            }
        }
        self.entries += added;
    }

    pub(super) fn add_evaluations(
        &mut self,
        environment: &str,
        labels: Labels<'_>,
        evaluations: Vec<Evaluation<'_>>,
    ) {
        let group = self.group(environment, labels);
        let before = group.evaluations.len();
        for evaluation in evaluations {
            let detail = Detail {
                feature: evaluation.feature.to_owned(),
                identifier: evaluation.identifier.map(Into::into),
                enabled: evaluation.enabled,
            };
            let sum = group.evaluations.entry(detail).or_default();
            *sum = sum.saturating_add(evaluation.count);
        }
        let added = group.evaluations.len() - before;
        self.entries += added;
    }

    /// As requests to upstream.
    pub(super) fn into_deliveries(self) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for group in self.groups {
            let counts = group.counts.into_iter().map(|(feature, count)| {
                let feature = json(&feature);
                (count, move |count: u64| format!("{feature}:{count}"))
            });
            let evaluations = group.evaluations.into_iter().map(|(detail, count)| {
                let feature = json(&detail.feature);
                let identifier = detail.identifier.map(|identifier| json(&identifier));
                let identifier = identifier.map_or_else(String::new, |identifier| {
                    format!(r#""identity_identifier":{identifier},"#)
                });
                let enabled = detail.enabled;
                (count, move |count: u64| {
                    format!(
                        r#"{{"feature_name":{feature},{identifier}"enabled_when_evaluated":{enabled},"count":{count}}}"#
                    )
                })
            });
            let mut deliver = |destination, body| {
                let headers = group.headers.clone();
                deliveries.push(Delivery::new(
                    destination,
                    &group.environment,
                    headers,
                    body,
                ));
            };
            split(counts, "{", "}", |body| deliver(Destination::Counts, body));
            split(evaluations, r#"{"evaluations":["#, "]}", |body| {
                deliver(Destination::Evaluations, body);
            });
        }
        deliveries
    }

    fn group(&mut self, environment: &str, labels: Labels<'_>) -> &mut Group {
        self.set_key(environment, labels);
        if let Some(position) = self.positions.get(&self.key) {
            return &mut self.groups[*position];
        }
        if self.groups.len() >= MAX_GROUPS && labels != Labels::default() {
            return self.group(environment, Labels::default());
        }
        let position = self.groups.len();
        self.positions.insert(self.key.clone(), position);
        self.groups.push(Group {
            environment: environment.to_owned(),
            headers: Headers::of_json(labels),
            ..Group::default()
        });
        &mut self.groups[position]
    }

    fn set_key(&mut self, environment: &str, labels: Labels<'_>) {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        // Texts with their lengths cannot fail to be written.
        self.key = postcard::to_extend(&(environment, labels), key).unwrap_or_default();
    }
}

/// Writes items between `open` and `close`, in as many bodies as their length and the highest count require.
fn split(
    items: impl Iterator<Item = (u64, impl Fn(u64) -> String)>,
    open: &str,
    close: &str,
    mut deliver: impl FnMut(Vec<u8>),
) {
    let mut items: Vec<_> = items.collect();
    while !items.is_empty() {
        let mut body = open.to_owned();
        for (count, item) in &mut items {
            let part = (*count).min(MAX_COUNT);
            let text = item(part);
            if body.len() > open.len() {
                if body.len() + text.len() > MAX_BODY_BYTES {
                    break;
                }
                body.push(',');
            }
            body.push_str(&text);
            *count -= part;
        }
        items.retain(|(count, _)| *count > 0);
        body.push_str(close);
        deliver(body.into_bytes());
    }
}
