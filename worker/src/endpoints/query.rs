//! The query of a request.

use std::borrow::Cow;

use actix_http::RequestHead;

/// The feature that a query names: the last one if there are several, `None` if that is empty.
#[inline]
pub(super) fn feature(head: &RequestHead) -> Option<Cow<'_, str>> {
    last(head, "feature").filter(|feature| !feature.is_empty())
}

/// The value of the last parameter with that name.
#[inline]
pub(crate) fn last<'h>(head: &'h RequestHead, name: &str) -> Option<Cow<'h, str>> {
    let query = head.uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .filter(|(other, _)| other == name)
        .last()
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_last_feature_of_a_query() {
        for (query, expected) in [
            ("feature=a", Some("a")),
            ("feature=a&feature=b", Some("b")),
            ("x=1&feature=a+b%20c%C3%A9&y", Some("a b cé")),
            ("feature=", None),
            ("feature", None),
            ("feature=a&feature=", None),
            ("Feature=a", None),
            ("", None),
        ] {
            let mut head = RequestHead::default();
            head.uri = format!("/?{query}").parse().expect("a URI");
            assert_eq!(feature(&head).as_deref(), expected, "{query}");
        }
        assert_eq!(feature(&RequestHead::default()), None);
    }
}
