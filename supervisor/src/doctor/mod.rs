//! Examines everything that the proxy depends on, with the code that the proxy itself uses, and says what to do about
//! what is not well. Ends within about a minute. It publishes nothing and starts no worker.
//!
//! Each file is a subject. What is found later depends on what was found before: nobody asks for a document where
//! there is no connection.

mod address;
mod answer;
mod certificates;
mod documents;
mod files;
mod finding;
mod freshness;
mod ports;
mod reach;
mod state;

use std::time::{Duration, Instant};

use contract::counted;
use tokio::time::timeout;

use crate::settings::Settings;
use crate::source::Source;
use crate::words::Seconds;

pub use finding::{Finding, Status};

/// When no further document is asked for. What is left then is said to be unchecked.
const DOCUMENTS_UNTIL: Duration = Duration::from_secs(45);
/// When upstream is left alone, whatever it does.
const UPSTREAM_UNTIL: Duration = Duration::from_secs(50);

/// Examines what `settings` name.
pub fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let examined =
                async { timeout(UPSTREAM_UNTIL, upstream(settings, &mut findings)).await };
            if runtime.block_on(examined).is_err() {
                findings.push(Finding::failed(
                    answer::ANSWER,
                    format!(
                        "upstream was not examined within {}",
                        Seconds(UPSTREAM_UNTIL)
                    ),
                    "find out why it is slow, and lower api_poll_timeout_seconds",
                ));
            }
            // A look-up of a name cannot be stopped, and may take longer.
            runtime.shutdown_background();
        }
        Err(error) => findings.push(Finding::failed(
            answer::ANSWER,
            format!("prepare to connect: {error}"),
            "free files, threads or memory of this machine",
        )),
    }
    findings.extend(freshness::check(settings));
    findings.extend(state::check(&settings.directory));
    findings.extend(ports::check(settings));
    findings
}

/// From the address to the documents, as far as one can get.
async fn upstream(settings: &Settings, findings: &mut Vec<Finding>) {
    let upstream = match &settings.source {
        Source::Upstream(upstream) => upstream,
        Source::Files(files) => return findings.extend(files::check(files, settings)),
    };
    let deadline = Instant::now() + DOCUMENTS_UNTIL;
    // The configuration has checked each key's kind.
    let pairs = counted(settings.environments.len(), "key pair");
    findings.push(Finding::ok(
        "keys.kind",
        format!("{pairs}, each key in its place"),
    ));
    findings.push(address::check(&upstream.api_url));
    findings.push(reach::way(&upstream.way));
    if !reach::check(upstream, findings).await {
        return;
    }
    if upstream.api_url.is_encrypted() {
        findings.push(certificates::trusted());
    }
    let listed = documents::list(upstream, findings).await;
    let environments = settings
        .source
        .environments(&settings.environments, &listed);
    if answer::check(upstream, &environments, findings).await {
        let options = settings.compile_options;
        documents::check(&environments, upstream, options, deadline, findings).await;
    }
}
