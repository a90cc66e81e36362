//! What is known of a setting without reading any configuration.

use serde_json::Value;

/// The names of a setting, with the section before them: `server.port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The name that documents use.
    pub path: String,
    /// Names that are read as well. Where a file has several, the newest counts.
    pub older: Vec<String>,
}

/// A setting as it is defined.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its names in the file.
    pub names: Names,
    /// What it means, for people who run the proxy: a sentence in Markdown.
    pub documentation: String,
    /// What values are accepted: the words after `expected`.
    pub expected: String,
    /// Whether nobody may see its value.
    pub is_secret: bool,
    /// Whether it can have a value.
    pub accepts: fn(&Value) -> bool,
    /// The value that it has where nobody sets it.
    pub default: Value,
    /// Whether a variable of the process environment holds it as JSON. Other values stand there as plain text.
    pub is_json: bool,
}

impl Names {
    /// The names in a section, the root being `""`: those in the file if there are any, else that of the field.
    pub fn new(section: &str, in_file: &[&str], field: &str) -> Self {
        let in_section = |name: &&str| match section {
            "" => (*name).to_owned(),
            section => format!("{section}.{name}"),
        };
        let (newest, older) = in_file.split_first().unwrap_or((&field, &[]));
        Self {
            path: in_section(newest),
            older: older.iter().map(in_section).collect(),
        }
    }

    /// All of them, the newest first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.path)
            .chain(&self.older)
            .map(String::as_str)
    }
}

impl Definition {
    /// The section that it is in, and its name there. The section of a top-level setting is `""`.
    pub fn section(&self) -> (&str, &str) {
        self.names
            .path
            .rsplit_once('.')
            .unwrap_or(("", &self.names.path))
    }
}
