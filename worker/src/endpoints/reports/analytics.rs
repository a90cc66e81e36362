//! How often clients evaluated features.

use std::fmt;

use engine::ArchivedEnvironment;
use journal::{Evaluation, Report};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::json::{Count, Text};
use super::{Reporter, Reports};
use crate::http::refusal::Refusal;
use crate::http::response::{self, Response};

impl Reports {
    /// Answers `POST /api/v1/analytics/flags/`: an object of feature names and counts. Unknown features and what is no
    /// count are left out, as the core API does. The answer is a 200, because the Flutter SDK takes no other.
    pub(in crate::endpoints) fn counts(
        &self,
        reporter: &Reporter<'_>,
    ) -> Result<Response, Refusal> {
        let archive = reporter.archive();
        let mut deserializer = serde_json::Deserializer::from_slice(&reporter.body);
        let counts = Counts { archive }.deserialize(&mut deserializer);
        let counts = counts.and_then(|counts| deserializer.end().map(|()| counts));
        let counts = counts.map_err(|error| Refusal::BadReport(error.to_string()))?;
        if !counts.is_empty() {
            self.accept(reporter, Report::Counts(counts))?;
        }
        Ok(response::empty())
    }

    /// Answers `POST /api/v2/analytics/flags/`: a list of evaluations, with a 204.
    pub(in crate::endpoints) fn evaluations(
        &self,
        reporter: &Reporter<'_>,
    ) -> Result<Response, Refusal> {
        let archive = reporter.archive();
        let body: EvaluationsBody<'_> = serde_json::from_slice(&reporter.body)
            .map_err(|error| Refusal::BadReport(error.to_string()))?;
        let evaluations = body.evaluations.into_iter().filter_map(|item| {
            Some(Evaluation {
                feature: archive.feature_name(&item.feature_name.0)?,
                identifier: item.identity_identifier.map(|identifier| identifier.0),
                enabled: item.enabled_when_evaluated,
                count: item.count.0?,
            })
        });
        let evaluations: Vec<_> = evaluations.collect();
        if !evaluations.is_empty() {
            self.accept(reporter, Report::Evaluations(evaluations))?;
        }
        Ok(response::no_content())
    }
}

/// Reads an object of counts in one pass.
struct Counts<'archive> {
    archive: &'archive ArchivedEnvironment,
}

impl<'de, 'archive> DeserializeSeed<'de> for Counts<'archive> {
    type Value = Vec<(&'archive str, u64)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, 'archive> Visitor<'de> for Counts<'archive> {
    type Value = Vec<(&'archive str, u64)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of feature names and counts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut counts = Vec::with_capacity(16);
        while let Some((name, count)) = members.next_entry::<Text<'_>, Count>()? {
            if let (Some(feature), Some(count)) = (self.archive.feature_name(&name.0), count.0) {
                counts.push((feature, count));
            }
        }
        Ok(counts)
    }
}

#[derive(Deserialize)]
struct EvaluationsBody<'a> {
    #[serde(borrow)]
    evaluations: Vec<EvaluationItem<'a>>,
}

#[derive(Deserialize)]
struct EvaluationItem<'a> {
    #[serde(borrow)]
    feature_name: Text<'a>,
    #[serde(borrow)]
    identity_identifier: Option<Text<'a>>,
    enabled_when_evaluated: bool,
    count: Count,
}
