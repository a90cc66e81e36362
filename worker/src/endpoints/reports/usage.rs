//! Usage: what this worker reports itself, once a second and at its end.

use std::rc::Weak;
use std::time::Duration;

use journal::{Labels, Record, Report};

use super::Reports;
use crate::environments::Environments;

/// How long what was counted is in this worker's memory alone at most: a kill loses it.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

impl Reports {
    /// Reports how many requests each environment has answered since the last time, if upstream is told. What finds no
    /// room in the ring is reported later.
    pub(crate) fn usage(&self, environments: &Environments) {
        if !self.forwards.usage {
            return;
        }
        environments.index().report_usage(|environment, usage| {
            let record = Record {
                environment,
                labels: Labels::default(),
                report: Report::Usage(usage),
            };
            self.append(&record).is_ok()
        });
    }
}

/// Reports usage again and again, for as long as both exist.
pub(crate) async fn report_usage(reports: Weak<Reports>, environments: Weak<Environments>) {
    loop {
        tokio::time::sleep(REPORT_INTERVAL).await;
        let (Some(reports), Some(environments)) = (reports.upgrade(), environments.upgrade())
        else {
            return;
        };
        reports.usage(&environments);
    }
}
