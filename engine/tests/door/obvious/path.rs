//! JSONPaths. Simple ones are read by the grammar of the Python packages, others by RFC 9535.

use std::sync::LazyLock;

use regex::Regex;
use serde_json_path::JsonPath;

/// How a property that starts with `$.` is read.
pub(super) enum Path {
    /// Names and indices from the root.
    Simple(Vec<Step>),
    Query(JsonPath),
    Trait,
}

pub(super) enum Step {
    Name(String),
    /// From the end if it is below zero.
    Index(i64),
}

/// A name behind a dot. Python's may contain `-`, and nothing above U+FFFF.
const NAME: &str = r"[A-Za-z_\x{80}-\x{FFFF}][0-9A-Za-z_\x{80}-\x{FFFF}-]*";
const SINGLE: &str = r"'(?:[^'\\\x00-\x1F]|\\['bfnrtu/\\])*'";
const DOUBLE: &str = r#""(?:[^"\\\x00-\x1F]|\\["bfnrtu/\\])*""#;
const BLANK: &str = r"[ \n\r\t]*";

static STEP: LazyLock<Regex> = LazyLock::new(|| {
    let index = "0|-?[1-9][0-9]{0,14}";
    let inside = format!("(?<text>{SINGLE}|{DOUBLE})|(?<index>{index})");
    let step = format!(r"\.(?<name>{NAME})|\[{BLANK}(?:{inside}){BLANK}\]");
    Regex::new(&format!(r"\A{BLANK}(?:{step})")).unwrap()
});

/// Everything up to a name that has a character above U+FFFF.
static INVALID: LazyLock<Regex> = LazyLock::new(|| {
    let up_to = format!(r#"(?:[^'"]|{SINGLE}|{DOUBLE})*"#);
    Regex::new(&format!(r"\A{up_to}[\x{{10000}}-\x{{10FFFF}}]")).unwrap()
});

pub(super) fn read(property: &str) -> Path {
    let mut rest = &property[1..];
    let mut steps = Vec::new();
    while let Some(step) = STEP.captures(rest) {
        steps.push(
            match (step.name("name"), step.name("text"), step.name("index")) {
                (Some(name), _, _) => Step::Name(name.as_str().to_owned()),
                (_, Some(text), _) => match decode(text.as_str()) {
                    Some(name) => Step::Name(name),
                    None => return Path::Trait,
                },
                (_, _, index) => Step::Index(index.unwrap().as_str().parse().unwrap()),
            },
        );
        rest = &rest[step[0].len()..];
    }
    match JsonPath::parse(property) {
        _ if rest.is_empty() => Path::Simple(steps),
        Ok(path) if !INVALID.is_match(property) => Path::Query(path),
        _ => Path::Trait,
    }
}

/// A string in quotes, which is JSON but for the kind of quotes.
fn decode(quoted: &str) -> Option<String> {
    let inside = &quoted[1..quoted.len() - 1];
    let json = match quoted.starts_with('\'') {
        true => inside.replace('"', "\\\"").replace("\\'", "'"),
        false => inside.to_owned(),
    };
    serde_json::from_str(&format!("\"{json}\"")).ok()
}
