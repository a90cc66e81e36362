//! What a request says its body is.

use actix_http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use engine::BodyKind;

use super::refusal::Refusal;

/// Refuses a compressed body: it could become any number of bytes, and no SDK compresses one.
pub(crate) fn refuse_compressed(headers: &HeaderMap) -> Result<(), Refusal> {
    for coding in headers.get_all(CONTENT_ENCODING) {
        let coding = coding.as_bytes().trim_ascii();
        if !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity") {
            let coding = String::from_utf8_lossy(coding).into_owned();
            return Err(Refusal::Compressed(coding));
        }
    }
    Ok(())
}

/// The kind that `Content-Type` names. A request without one counts as JSON.
pub(crate) fn body_kind(headers: &HeaderMap) -> BodyKind {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return BodyKind::Json;
    };
    let essence = content_type.as_bytes().split(|&byte| byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    if essence == b"application/json" || content_type.is_empty() {
        return BodyKind::Json;
    }
    let essence = essence.to_ascii_lowercase();
    let subtype = essence.strip_prefix(b"application/").unwrap_or_default();
    if subtype == b"json" || subtype.ends_with(b"+json") {
        BodyKind::Json
    } else {
        BodyKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::header::HeaderValue;

    #[test]
    fn json_is_named_by_its_own_type_and_by_types_based_on_it() {
        for (content_type, json) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("Application/JSON ;x", true),
            ("application/vnd.api+json", true),
            ("", true),
            ("text/plain", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
            ("application/jsonp", false),
            ("json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            assert_eq!(
                body_kind(&headers) == BodyKind::Json,
                json,
                "{content_type}"
            );
        }
        assert_eq!(body_kind(&HeaderMap::new()), BodyKind::Json);
    }
}
