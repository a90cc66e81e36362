//! `edge-proxy doctor`: examines all that the proxy depends on, and says what to do.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use contract::{counted, with_causes};
use serde_json::json;
use supervisor::doctor::{Finding, Status, examine};

use super::serve;
use crate::config::{self, Config, ConfigPath};
use crate::error::Error;

/// Prints a line for each finding. The exit status is 1 if something failed.
pub(crate) fn run(path: Option<PathBuf>, json: bool) -> Result<ExitCode, Error> {
    let findings = findings(&config::path(path));
    let [ok, warnings, failed] = [Status::Ok, Status::Warning, Status::Failed].map(|status| {
        let such = findings.iter().filter(|finding| finding.status == status);
        such.count()
    });
    let text = if json {
        let report =
            json!({"ok": ok, "warnings": warnings, "failed": failed, "findings": findings});
        format!("{report:#}\n")
    } else {
        let counts = format!(
            "{ok} ok, {}, {failed} failed\n",
            counted(warnings, "warning")
        );
        in_words(&findings) + &counts
    };
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).map_err(Error::Print)?;
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn findings(path: &ConfigPath) -> Vec<Finding> {
    let mut config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return vec![of_configuration(error.to_string())],
    };
    let warnings = std::mem::take(&mut config.warnings);
    let settings = match serve::settings(config) {
        Ok(settings) => settings,
        Err(error) => return vec![of_configuration(with_causes(&error))],
    };
    let mut findings = vec![Finding::ok("configuration", "it can be used")];
    let warnings = warnings.into_iter();
    findings.extend(
        warnings.map(|warning| Finding::warning("configuration", warning, "correct or remove it")),
    );
    findings.extend(examine(&settings));
    findings
}

/// Without a configuration there is nothing else to examine.
fn of_configuration(problem: String) -> Finding {
    if problem.contains("_side_key") {
        return Finding::failed(
            "keys.kind",
            problem,
            "copy both keys from the environment's settings in Flagsmith (SDK keys): the server-side key starts with \
             ser., the client-side key does not",
        );
    }
    Finding::failed(
        "configuration",
        problem,
        "see `edge-proxy check-config --help` and docs/configuration.md",
    )
}

fn in_words(findings: &[Finding]) -> String {
    let widths = findings.iter().map(|finding| finding.id.len());
    let width = widths.max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let status = match finding.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failed => "failed",
        };
        text += &format!("{status:<7}  {:<width$}  ", finding.id);
        if let Some(environment) = &finding.environment {
            text += &format!("environment {environment}: ");
        }
        text += &finding.words;
        if let Some(advice) = &finding.advice {
            text += &format!(" -> {advice}");
        }
        text.push('\n');
    }
    text
}
