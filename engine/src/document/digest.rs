//! What tells one document from another, on any host: a digest of its content.

use memchr::memmem;
use xxhash_rust::xxh3::Xxh3;

/// A member of identity overrides that the core API makes up anew for each answer.
const MADE_UP: &[u8] = b"\"identity_uuid\"";

/// Tells one document from another, whatever UUIDs its `identity_uuid` members have: nothing is evaluated from them. It
/// is not cryptographic, because nobody has a reason to forge a document.
pub fn document_digest(body: &[u8]) -> u128 {
    let mut digest = Xxh3::new();
    let mut begin = 0;
    for name in memmem::find_iter(body, MADE_UP) {
        let uuid = &body[name + MADE_UP.len()..];
        if body[..name].ends_with(b"\\") {
            // A text that contains the name.
            continue;
        }
        if let Some(length) = uuid_member(uuid) {
            let end = name + MADE_UP.len() + length;
            digest.update(&body[begin..end - UUID_LENGTH]);
            begin = end;
        }
    }
    digest.update(&body[begin..]);
    digest.digest128()
}

const UUID_LENGTH: usize = 36;

/// The length of a colon, a quote and a UUID at the beginning of this text; `None` if there is something else.
fn uuid_member(text: &[u8]) -> Option<usize> {
    let value = text.trim_ascii_start().strip_prefix(b":")?;
    let value = value.trim_ascii_start().strip_prefix(b"\"")?;
    let (uuid, rest) = value.split_at_checked(UUID_LENGTH)?;
    let is_uuid = uuid
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    (is_uuid && rest.starts_with(b"\"")).then(|| text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0b1c9d1e-0000-4000-8000-00000000000a";
    const OTHER: &str = "ffffffff-FFFF-4fff-8fff-ffffffffffff";

    /// Whether the digest is the same for both UUIDs.
    fn is_skipped(body: &str) -> bool {
        let of = |uuid| document_digest(body.replace('*', uuid).as_bytes());
        of(ONE) == of(OTHER)
    }

    #[test]
    fn only_the_uuids_of_identities_are_skipped() {
        for body in [
            r#"{"identity_uuid":"*"}"#,
            r#"{"identity_uuid" :  "*" , "a": 1}"#,
            r#"[{"a":"\\","identity_uuid":"*"},{"identity_uuid":"*"},"identity_uuid"]"#,
        ] {
            assert!(is_skipped(body), "{body}");
        }
        for body in [
            r#"{"featurestate_uuid":"*"}"#,
            r#"{"a":"identity_uuid","b":"*"}"#,
            r#"{"a":"\"identity_uuid\":\"*\""}"#,
            r#"{"\"identity_uuid":"*"}"#,
            r#"{"identity_uuid":"x*"}"#,
            r#"{"identity_uuid":"*x"}"#,
            r#"{"identity_uuid":["*"]}"#,
            r#"{"identity_uuid":"*"#,
        ] {
            assert!(!is_skipped(body), "{body}");
        }
    }

    #[test]
    fn bodies_that_differ_elsewhere_are_told_apart() {
        let of = |text: &str| document_digest(text.replace('*', ONE).as_bytes());
        let body = r#"{"a":1,"identity_uuid":"*","b":2}"#;
        assert_eq!(of(body), of(body));
        for (from, to) in [("1", "3"), ("2", "3"), ("\"*\"", "null"), ("}", "} ")] {
            assert_ne!(of(body), of(&body.replace(from, to)), "{from} to {to}");
        }
        assert_eq!(document_digest(b"{}"), xxhash_rust::xxh3::xxh3_128(b"{}"));
    }
}
