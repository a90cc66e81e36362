//! The `Link` header (RFC 8288): which of its targets is the next page. A crate for it would pull in `regex`.

/// The first target whose relation is "next".
pub(super) fn next(mut header: &str) -> Option<&str> {
    loop {
        header = header.trim_start_matches([' ', '\t', ',']);
        let (target, rest) = header.strip_prefix('<')?.split_once('>')?;
        let (parameters, rest) = split(rest, ',');
        if is_next(parameters) {
            return Some(target.trim());
        }
        header = rest;
    }
}

/// The query of a target, which may be any kind of URL.
pub(super) fn query(target: &str) -> Option<&str> {
    let (before_fragment, _) = target.split_once('#').unwrap_or((target, ""));
    let (_, query) = before_fragment.split_once('?')?;
    (!query.is_empty()).then_some(query)
}

/// Only the first `rel` parameter counts (RFC 8288, section 3.3).
fn is_next(mut parameters: &str) -> bool {
    while !parameters.is_empty() {
        let (parameter, rest) = split(parameters, ';');
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        parameters = rest;
    }
    false
}

/// The texts before and after the first separator that is not in quotes.
fn split(text: &str, separator: char) -> (&str, &str) {
    let mut quoted = false;
    let mut escaped = false;
    for (position, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => {
                return (&text[..position], &text[position + separator.len_utf8()..]);
            }
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_told_from_other_links() {
        for (header, expected) in [
            (
                r#"</api/?page_id=a%3Ab>; rel="next""#,
                Some("/api/?page_id=a%3Ab"),
            ),
            ("<?page=2>;rel=next", Some("?page=2")),
            (
                r#"<a,b;c>; title="x; rel=prev, \"y"; REL = "last NEXT""#,
                Some("a,b;c"),
            ),
            (
                r#"<a>; rel="prev", <b> ; rel="next", <c>; rel="next""#,
                Some("b"),
            ),
            (
                r#",, <a>; title="<x>; rel=next, ", < b >; rel=next"#,
                Some("b"),
            ),
            ("<>; rel=next", Some("")),
            (r#"<a>; rel="nextish""#, None),
            (r#"<a>; rel="prev"; rel="next""#, None),
            ("<a>; crel=next", None),
            ("<a>", None),
            ("<a; rel=next", None),
            ("a; rel=next", None),
            ("", None),
        ] {
            assert_eq!(next(header), expected, "{header}");
        }
    }

    #[test]
    fn a_query_is_between_the_question_mark_and_the_fragment() {
        for (target, expected) in [
            ("?page=2", Some("page=2")),
            ("https://host:1/a/?b=c&d=%3f?#e?f", Some("b=c&d=%3f?")),
            ("//host/?a", Some("a")),
            ("/a/?", None),
            ("/a/#?b", None),
            ("/a/", None),
            ("", None),
        ] {
            assert_eq!(query(target), expected, "{target}");
        }
    }
}
