//! What is written from the definitions of settings: `config.json.example` and `docs/configuration.md`.

use std::fmt::Write as _;

use contract::settings::Definition;
use serde_json::Value;

use super::definitions::{Definitions, UNNECESSARY};
use super::key_pairs;

const EXAMPLE_PAIRS: &str = r#"[
    {
      "server_side_key": "ser.your_server_side_key",
      "client_side_key": "your_client_side_key"
    },
    {
      "server_side_key": "ser.your_other_server_side_key",
      "client_side_key": "your_other_client_side_key"
    }
  ]"#;

/// A configuration with the default of each setting, and two pairs of keys to fill in.
pub(crate) fn example() -> String {
    let definitions = Definitions::gather();
    let mut members = Vec::new();
    for section in definitions.sections() {
        let settings = definitions
            .all()
            .iter()
            .filter(|one| one.section().0 == section);
        let written = settings.map(|one| match &one.default {
            Value::Null if one.names.path == "environment_key_pairs" => {
                format!("\"{}\": {EXAMPLE_PAIRS}", one.names.path)
            }
            default => format!("\"{}\": {default}", one.section().1),
        });
        let written: Vec<_> = written.collect();
        match section {
            "" => members.extend(written),
            section => members.push(format!(
                "\"{section}\": {{\n    {}\n  }}",
                written.join(",\n    ")
            )),
        }
    }
    format!("{{\n  {}\n}}\n", members.join(",\n  "))
}

/// The reference of all settings, in Markdown.
pub(crate) fn reference() -> String {
    let definitions = Definitions::gather();
    let mut text = include_str!("reference.md").to_owned();
    for section in definitions.sections() {
        let mut settings: Vec<Definition> = Vec::new();
        for one in definitions
            .all()
            .iter()
            .filter(|one| one.section().0 == section)
        {
            settings.push(one.clone());
            if one.names.path == "environment_key_pairs" {
                settings.extend(key_pairs::members("environment_key_pairs[]"));
            }
        }
        match section {
            "" => text.push_str("\n## Outside of sections\n"),
            section => drop(write!(text, "\n## Section `{section}`\n")),
        }
        text.push_str("\n| setting | default | accepts | meaning |\n|---|---|---|---|\n");
        text.extend(settings.iter().map(row));
    }
    text.push_str(
        "\n## Not needed here\n\nSettings of the official proxy that change nothing:\n\n",
    );
    for (name, reason) in UNNECESSARY {
        let _ = writeln!(text, "- `{name}`: {reason}");
    }
    text
}

fn row(definition: &Definition) -> String {
    let Definition {
        names,
        documentation,
        expected,
        default,
        ..
    } = definition;
    let default = match default {
        // What is required has no default.
        Value::Null if !expected.contains("null") => String::new(),
        default => format!("`{default}`"),
    };
    let older = names.older.iter().map(|name| format!("; also `{name}`"));
    let older: String = older.collect();
    let path = &names.path;
    format!("| `{path}`{older} | {default} | {expected} | {documentation} |\n")
}
