//! The documents name paths, words and settings that exist, and no source line is too long.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testing::{file, root};

const LONGEST_LINE: usize = 120;

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut count = 0;
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "GLOSSARY.md"] {
        if !root().join(document).exists() {
            continue;
        }
        let text = file(document);
        for path in text.split('`').skip(1).step_by(2).filter(is_path) {
            assert!(root().join(path).exists(), "{document} names {path}");
            count += 1;
        }
    }
    assert!(count > 10, "{count} paths");
}

/// Whether a quoted text is a path that must exist; cargo makes `target/`.
fn is_path(text: &&str) -> bool {
    let is_part_of_one = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let elsewhere = text.starts_with('/') || text.starts_with("target/");
    text.contains('/') && !elsewhere && text.chars().all(is_part_of_one)
}

#[test]
fn every_word_of_the_glossary_occurs_in_the_code() {
    let mut code = String::new();
    for path in sources("rs") {
        let text = fs::read_to_string(&path).expect("a source file");
        let is_comment = |line: &&str| line.trim_start().starts_with("//");
        let lines = text.lines().filter(|line| !is_comment(line));
        lines.for_each(|line| code.push_str(&words(line)));
    }
    let glossary = file("GLOSSARY.md");
    let rows = glossary
        .lines()
        .filter_map(|line| line.strip_prefix("| **"));
    let terms = rows.map(|row| row.split(" | ").next().expect("a first column"));
    let terms: Vec<&str> = terms.flat_map(|terms| terms.split(", ")).collect();
    assert!(terms.len() > 50, "{terms:?}");
    // A word of the code may be longer: `evaluates` holds `evaluate`.
    let is_missing = |term: &&str| !code.contains(words(term).trim_end());
    let missing: Vec<&str> = terms.into_iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "no code says {missing:?}");
}

/// The words of a text or an identifier in lower case, each after a space: `FeatureState` is ` feature state`.
fn words(text: &str) -> String {
    let mut words = String::from(" ");
    let mut before = ' ';
    for character in text.chars() {
        if character.is_uppercase() && before.is_lowercase() {
            words.push(' ');
        }
        if character.is_alphanumeric() {
            words.extend(character.to_lowercase());
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
        before = character;
    }
    words
}

/// A line with a raw string may be longer: what such a string holds cannot be broken.
#[test]
fn no_line_is_too_long() {
    let mut long = Vec::new();
    for path in sources("rs").into_iter().chain(sources("py")) {
        let text = fs::read_to_string(&path).expect("a source file");
        for (number, line) in (1..).zip(text.lines()) {
            if line.chars().count() > LONGEST_LINE && !line.contains("r#\"") {
                long.push(format!("{}:{number}", path.display()));
            }
        }
    }
    assert!(
        long.is_empty(),
        "longer than {LONGEST_LINE}:\n{}",
        long.join("\n")
    );
}

/// Tests of the executable's configuration hold that example and reference name all settings.
#[test]
fn readme_names_settings_that_exist() {
    let example = serde_json::from_str(&file("config.json.example")).expect("JSON");
    let mut known = BTreeSet::new();
    settings("", &example, &mut known);
    let readme = file("README.md");
    let (_, table) = readme
        .split_once("| setting |")
        .expect("the table of settings");
    let rows = table
        .lines()
        .skip(2)
        .map_while(|row| row.strip_prefix("| `"));
    let names = rows.map(|row| row.split('`').next().expect("a name"));
    // `….client_side_key` is a member of the list before it.
    let names = names.map(|name| name.replace('…', "environment_key_pairs"));
    let unknown: Vec<_> = names.filter(|name| !known.contains(name)).collect();
    assert!(unknown.is_empty(), "README names {unknown:?}");
}

/// The names of all settings in `value`, with those of the sections they are in.
fn settings(name: &str, value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let full = [name, member].join(if name.is_empty() { "" } else { "." });
                settings(&full, value, names);
            }
        }
        Value::Array(elements) if elements.iter().all(Value::is_object) => {
            names.insert(name.to_owned());
            elements
                .iter()
                .for_each(|element| settings(name, element, names));
        }
        _ => drop(names.insert(name.to_owned())),
    }
}

/// Every file of this project whose name ends so.
fn sources(extension: &str) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    collect(&root(), extension, &mut sources);
    assert!(sources.len() > 10, "{sources:?}");
    sources
}

fn collect(directory: &Path, extension: &str, sources: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, extension, sources);
        } else if path.extension().is_some_and(|found| found == extension) {
            sources.push(path);
        }
    }
}
