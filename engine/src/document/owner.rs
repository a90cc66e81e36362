//! Which environment a document is of, without reading all of it into memory.

use super::node::{DocumentError, Parsed};
use crate::json::{Dialect, Reader, Value};

/// The client-side key of the environment whose document this is: the member `api_key`. All of the text must be JSON,
/// so that a document that is half written has none.
///
/// # Errors
///
/// If it is no JSON object, or has no such member.
pub fn api_key(document: &[u8]) -> Parsed<String> {
    let text = std::str::from_utf8(document).map_err(|error| DocumentError::not_utf8(&error))?;
    let mut reader = Reader::new(text, Dialect::Document).within(1);
    if !reader.take(b'{') {
        return Err(DocumentError::whole("expected an object"));
    }
    let mut found = None;
    let mut another = !reader.take(b'}');
    while another {
        match reader.name()?.as_str() {
            // Of a repeated name the last one counts, as it does when the document is compiled.
            "api_key" => found = Some(reader.value()?),
            _ => reader.skip()?,
        }
        another = reader.another(b'}')?;
    }
    reader.end()?;
    let refuse = |problem: String| Err(DocumentError::of_member("api_key", problem));
    match found {
        Some(Value::Text(key)) => Ok(key.as_str().to_owned()),
        Some(other) => refuse(format!("expected a string, found {}", other.kind())),
        None => refuse("missing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_document_is_its_own_last_one() {
        for document in [
            r#"{"api_key":"a"}"#,
            r#" { "project": {"api_key": "b"}, "api_key" : "a", "x": [{"api_key": "c"}] } "#,
            r#"{"api_key":7,"api_key":"a"}"#,
        ] {
            assert_eq!(api_key(document.as_bytes()).unwrap(), "a", "{document}");
        }
    }

    #[test]
    fn a_document_without_a_key_or_without_an_end_is_refused() {
        for (document, expected) in [
            (r#"{"project":{}}"#, "api_key: missing"),
            (
                r#"{"api_key":7}"#,
                "api_key: expected a string, found an integer",
            ),
            (r#"["api_key"]"#, "document: expected an object"),
            (r#"{"api_key":"a","x":[1,"#, "document: not JSON at byte "),
            (r#"{"api_key":"a"} x"#, "document: not JSON at byte "),
            ("", "document: expected an object"),
        ] {
            let error = api_key(document.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{document}: {error}");
        }
        let error = api_key(b"{\"api_key\":\"\xff\"}").unwrap_err();
        assert_eq!(error.to_string(), "document: not UTF-8 at byte 12");
    }
}
