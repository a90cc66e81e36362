//! `edge-proxy snapshot`: shows what is published in the state directory, beside a running proxy or without one.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contract::counted;
use nix::unistd::{Uid, geteuid, seteuid};
use supervisor::inspect::{EnvironmentReport, Inspection, inspect};

use super::table::{age, bytes, table};
use crate::config::{self, Config};
use crate::error::Error;

/// Prints what is published. The exit status is 1 if a part of it cannot be read.
pub(crate) fn run(
    path: Option<PathBuf>,
    directory: Option<PathBuf>,
    json: bool,
) -> Result<ExitCode, Error> {
    let directory = match directory {
        Some(directory) => directory,
        None => Config::load(&config::path(path))?.directory().find(),
    };
    let mut inspection = inspect(&entered(&directory)).map_err(Error::Inspect)?;
    inspection.directory = directory;
    let text = match json {
        true => serde_json::to_string_pretty(&inspection).map_err(Error::Json)? + "\n",
        false => in_words(&inspection),
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(Error::Print)?;
    Ok(match inspection.is_whole() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Nobody but its owner uses a state directory, so the administrator becomes that owner, after entering a directory
/// that the owner may not reach from outside: systemd keeps those of its dynamic users so.
pub(super) fn entered(directory: &Path) -> PathBuf {
    let owner = std::fs::metadata(directory).map(|found| Uid::from_raw(found.uid()));
    if let Ok(owner) = owner
        && geteuid().is_root()
        && !owner.is_root()
        && std::env::set_current_dir(directory).is_ok()
        && seteuid(owner).is_ok()
    {
        return PathBuf::from(".");
    }
    directory.to_owned()
}

fn in_words(inspection: &Inspection) -> String {
    let mut text = format!("state directory {}", inspection.directory.display());
    text += &match (inspection.is_in_use, inspection.process) {
        (true, Some(process)) => format!(", in use by process {process}\n"),
        (true, None) => ", in use\n".to_owned(),
        (false, _) => ", not in use\n".to_owned(),
    };
    let environments = counted(inspection.environments.len(), "environment");
    match &inspection.index {
        Some(index) => {
            let stale = match index.stale_after_seconds {
                Some(limit) => format!("stale after {limit} s"),
                None => "never stale".to_owned(),
            };
            text += &format!(
                "index generation {}, {environments}, {stale}\n",
                index.generation
            );
        }
        None => text += &format!("no index, snapshots of {environments}\n"),
    }
    if !inspection.environments.is_empty() {
        let rows: Vec<_> = inspection.environments.iter().map(row).collect();
        let titles = [
            "environment",
            "key",
            " generation",
            " fetched",
            " published",
            " document",
            " snapshot",
            " features",
            " segments",
            " overrides",
            " warnings",
        ];
        text.push('\n');
        text += &table(titles, &rows);
    }
    if !inspection.problems.is_empty() {
        text.push('\n');
    }
    for problem in &inspection.problems {
        text += &format!("{}\n", problem.problem);
    }
    text
}

fn row(environment: &EnvironmentReport) -> [String; 11] {
    let unknown = || "-".to_owned();
    let fetched = environment.fetched_seconds_ago.map_or_else(unknown, age);
    let key = environment.key.clone();
    let Some(snapshot) = &environment.snapshot else {
        let mut row = std::array::from_fn(|_| unknown());
        (row[1], row[3]) = (key, fetched);
        return row;
    };
    // A name is text of upstream's, and this is a terminal.
    let name = snapshot.name.as_deref().unwrap_or("-");
    let name = name
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    [
        name,
        key,
        snapshot.generation.to_string(),
        fetched,
        age(snapshot.published_seconds_ago),
        bytes(snapshot.document_bytes),
        bytes(snapshot.snapshot_bytes),
        snapshot.features.to_string(),
        snapshot.segments.to_string(),
        snapshot.identity_overrides.to_string(),
        snapshot.warnings.to_string(),
    ]
}
