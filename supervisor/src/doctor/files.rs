//! Documents in files: whether each can be read, and what it compiles to.

use contract::key::masked;
use contract::with_causes;

use super::documents::{COMPILE, in_words};
use super::finding::Finding;
use crate::settings::Settings;
use crate::source::FetchOutcome;
use crate::source::files::{FileSettings, Files};

const FILE: &str = "document.file";

pub(super) fn check(settings: &FileSettings, all: &Settings) -> Vec<Finding> {
    let advice = "mend it: until then, the proxy neither starts nor reloads";
    let files = match Files::open(settings) {
        Ok(files) => files,
        Err(error) => return vec![Finding::failed(FILE, error.to_string(), advice)],
    };
    let mut findings = Vec::new();
    for environment in files.environments() {
        let found = examine(&files, &environment, all);
        findings.extend(
            found
                .into_iter()
                .map(|finding| finding.of(&masked(&environment))),
        );
    }
    findings
}

fn examine(files: &Files, environment: &str, settings: &Settings) -> Vec<Finding> {
    let document = match files.fetch(environment, None) {
        Ok(FetchOutcome::Document(document)) => document,
        Ok(FetchOutcome::NotModified(_)) => return Vec::new(),
        Err(error) => {
            let advice = "write it under another name and rename it, or write it faster";
            return vec![Finding::failed(FILE, error.to_string(), advice)];
        }
    };
    let length = document.body.len();
    match engine::compile_with(&document.body.bytes(), settings.compile_options) {
        Ok(compiled) => {
            let name = compiled.environment.name().unwrap_or("without a name");
            let mut findings = vec![Finding::ok(FILE, format!("{name:?}: {length} bytes"))];
            findings.extend(in_words(&compiled.warnings).map(|words| {
                Finding::warning(COMPILE, words, "mend it in the file, or accept it")
            }));
            findings
        }
        Err(error) => {
            let advice = "mend the file: it is not served, or its last good document is";
            vec![Finding::failed(COMPILE, with_causes(&error), advice)]
        }
    }
}
