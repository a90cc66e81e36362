//! Reads structs of settings from the JSON of the configuration, and words what is wrong with it.

use std::collections::BTreeSet;

use contract::key::SERVER_SIDE_PREFIX;
use contract::settings::values::kind;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment, Track};

use super::error::ConfigError;

/// Reads a `T`, and the paths of all that is in `root` and is no setting of `T`.
///
/// # Errors
///
/// Names the file, the setting, what was found and what is expected.
pub(super) fn read<T: DeserializeOwned>(
    file: &str,
    root: &Value,
) -> Result<(T, BTreeSet<String>), ConfigError> {
    let mut ignored = BTreeSet::new();
    let mut track = Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(root, &mut track);
    let read = serde_ignored::deserialize(deserializer, |path| {
        ignored.insert(written(&path));
    });
    match read {
        Ok(settings) => Ok((settings, ignored)),
        Err(error) => Err(refuse::<T>(file, root, &track.path(), &error.to_string())),
    }
}

/// Whether a struct of settings ignores `path`, or an object or a list that it is in.
pub(super) fn is_ignored(ignored: &BTreeSet<String>, path: &str) -> bool {
    let mut ancestors = path.match_indices(['.', '[']).map(|(end, _)| &path[..end]);
    ignored.contains(path) || ancestors.any(|ancestor| ignored.contains(ancestor))
}

/// A path as `serde_path_to_error` writes it. That of `serde_ignored` itself has `.0` for `[0]`, and `.?` for a section
/// that may be null.
fn written(path: &serde_ignored::Path) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Map { parent, key } => match written(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Seq { parent, index } => format!("{}[{index}]", written(parent)),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => written(parent),
    }
}

/// What is wrong with the setting at `path`, from a message of serde or of `contract::settings::values`.
fn refuse<T: DeserializeOwned>(
    file: &str,
    root: &Value,
    path: &Path,
    message: &str,
) -> ConfigError {
    let mut root = root.clone();
    if let (Some(name), Some(Value::Object(members))) = (missing(message), at(&mut root, path)) {
        // The message does not say what is expected in this place. That of null does.
        members.insert(name.to_owned(), Value::Null);
        if let Err(error) = read::<T>(file, &root) {
            return error.of_missing();
        }
    }
    let found = at(&mut root, path).map_or(Value::Null, Value::take);
    let problem = if message.starts_with("expected ") {
        format!("found {}, {message}", shown(&found))
    } else {
        match message.rsplit_once(", expected ") {
            Some((of_serde, expected)) if !of_serde.starts_with("found ") => {
                format!("found {}, expected {expected}", kind(&found))
            }
            _ => message.to_owned(),
        }
    };
    ConfigError::new(file, &path.to_string(), problem)
}

fn at<'v>(root: &'v mut Value, path: &Path) -> Option<&'v mut Value> {
    path.iter().try_fold(root, |value, segment| match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.get_mut(index),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}

fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// A value as an error may show it: neither a server-side key in the wrong place nor a URL with a password.
pub(super) fn shown(value: &Value) -> String {
    const MAX_LENGTH: usize = 80;
    let text = value.to_string();
    if text.contains(SERVER_SIDE_PREFIX) || text.contains('@') || text.len() > MAX_LENGTH {
        kind(value).to_owned()
    } else {
        text
    }
}
