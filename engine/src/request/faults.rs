//! The faults of a body, worded as by pydantic 2.7: the answer of a 422.

use super::body::BodyError;
use crate::json::{Value, write_text, write_value};

/// The longest trait value that is a string, in characters.
pub(crate) const LONGEST_VALUE: usize = 2000;

/// One step of the path to a fault.
#[derive(Clone, Copy)]
pub(super) enum PathStep {
    Name(&'static str),
    Index(usize),
}

/// What can be wrong with a member that is there.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    NotAnObject,
    NotAList,
    NotAString,
    NotText,
    TooLong { actual: usize },
}

impl Fault {
    /// Its name and message.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Fault::NotAnObject => (
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
            ),
            Fault::NotAList => ("list_type", "Input should be a valid list"),
            Fault::NotAString => ("string_type", "Input should be a valid string"),
            Fault::NotText => (
                "string_unicode",
                "Input should be a valid string, unable to parse raw data as a unicode string",
            ),
            Fault::TooLong { .. } => (
                "string_too_long",
                "String should have at most 2000 characters",
            ),
        }
    }
}

/// Where a fault was found.
pub(super) enum Input<'i> {
    Value(&'i Value<'i>),
    Bytes(&'i [u8]),
}

/// The faults found so far, as the elements of a JSON list.
#[derive(Default)]
pub(super) struct Faults {
    out: Vec<u8>,
}

impl Faults {
    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The whole answer.
    pub(super) fn finish(self) -> String {
        format!("{{\"detail\":[{}]}}", String::from_utf8_lossy(&self.out))
    }

    pub(super) fn into_error(self) -> BodyError {
        BodyError::Invalid(self.finish())
    }

    /// Reports that the member at `path` is missing from `parent`.
    pub(super) fn missing(&mut self, path: &[PathStep], parent: Option<&Value<'_>>) {
        let null = Value::Null;
        let input = Input::Value(parent.unwrap_or(&null));
        self.detail("missing", "Field required", path, &input, &link("missing"));
    }

    /// Reports that the member at `path` has a fault.
    pub(super) fn wrong(&mut self, path: &[PathStep], fault: Fault, input: &Input<'_>) {
        let (name, sentence) = fault.words();
        match fault {
            // The official proxy checks this itself: the fault has a context instead of a link.
            Fault::TooLong { actual } => {
                let context =
                    format!(r#""ctx":{{"max_length":{LONGEST_VALUE},"actual_length":{actual}}}"#);
                self.detail(name, sentence, path, input, &context);
            }
            _ => self.detail(name, sentence, path, input, &link(name)),
        }
    }

    fn detail(
        &mut self,
        name: &str,
        sentence: &str,
        path: &[PathStep],
        input: &Input<'_>,
        tail: &str,
    ) {
        if !self.out.is_empty() {
            self.out.push(b',');
        }
        let steps: Vec<String> = path
            .iter()
            .map(|step| match step {
                PathStep::Name(name) => quoted(name),
                PathStep::Index(index) => index.to_string(),
            })
            .collect();
        let head = format!(
            r#"{{"type":"{name}","loc":[{}],"msg":"{sentence}","input":"#,
            steps.join(",")
        );
        self.out.extend_from_slice(head.as_bytes());
        match input {
            Input::Value(value) => write_value(value, &mut self.out),
            Input::Bytes(bytes) => write_text(&String::from_utf8_lossy(bytes), &mut self.out),
        }
        self.out.extend_from_slice(format!(",{tail}}}").as_bytes());
    }
}

/// The link to the explanation of a fault.
fn link(name: &str) -> String {
    format!(r#""url":"https://errors.pydantic.dev/2.7/v/{name}""#)
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    write_text(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
