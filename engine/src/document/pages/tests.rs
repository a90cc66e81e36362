//! Pages put together, compared byte for byte.

use super::*;
use crate::compile;

#[track_caller]
fn merged(pages: &[&str]) -> String {
    let mut merged = first(pages[0]).unwrap();
    let mut document = merged.beginning().to_vec();
    for page in &pages[1..] {
        let (edition, text) = merged.append(page.as_bytes()).unwrap();
        assert_ne!(edition, Edition::Another);
        document.extend(text.concat());
    }
    document.extend(merged.end().concat());
    String::from_utf8(document).unwrap()
}

fn first(page: impl AsRef<[u8]>) -> Result<Pages, DocumentError> {
    Pages::new(Bytes::copy_from_slice(page.as_ref()))
}

#[track_caller]
fn refused(pages: &[&[u8]]) -> String {
    let mut merged = match first(pages[0]) {
        Ok(merged) => merged,
        Err(error) => return error.to_string(),
    };
    let last = pages[1..].iter().find_map(|page| merged.append(page).err());
    last.unwrap().to_string()
}

#[test]
fn only_the_list_of_identity_overrides_grows() {
    for (pages, expected) in [
        (&[r#"{"a":1}"#][..], r#"{"a":1}"#),
        (
            &[
                r#"{"identity_overrides":[1],"b":2}"#,
                r#"{"identity_overrides":[2,3]}"#,
                r#"{"identity_overrides":[4]}"#,
            ],
            r#"{"identity_overrides":[1,2,3,4],"b":2}"#,
        ),
        // White space stays where it stood.
        (
            &[
                " { \"identity_overrides\" : [ 1 ,\n 2 ]\t} \n",
                "{ \"identity_overrides\":[ 3 , 4 ] , \"x\": 0}",
            ],
            " { \"identity_overrides\" : [ 1 ,\n 2,3 , 4 ]\t} \n",
        ),
        (
            &[
                r#"{"identity_overrides":[ ],"b":2}"#,
                r#"{"identity_overrides":[1]}"#,
                r#"{"identity_overrides":[2]}"#,
            ],
            r#"{"identity_overrides":[1,2 ],"b":2}"#,
        ),
    ] {
        assert_eq!(merged(pages), expected);
    }
}

#[test]
fn a_list_that_is_missing_or_null_is_made_when_there_is_something_for_it() {
    for (first, expected) in [
        (r#"{}"#, r#"{"identity_overrides":[1,2]}"#),
        (r#"{ }"#, r#"{"identity_overrides":[1,2] }"#),
        (r#"{"a":1 }"#, r#"{"a":1,"identity_overrides":[1,2] }"#),
        (
            r#"{"identity_overrides": null, "a":1}"#,
            r#"{"identity_overrides": [1,2], "a":1}"#,
        ),
    ] {
        let more = [
            r#"{"identity_overrides":[1]}"#,
            r#"{"identity_overrides":[2]}"#,
        ];
        assert_eq!(merged(&[first, more[0], more[1]]), expected);
        for nothing in [
            "{}",
            r#"{"a":[]}"#,
            r#"{"identity_overrides":null}"#,
            r#"{"identity_overrides":[ ]}"#,
        ] {
            assert_eq!(merged(&[first, nothing]), first);
        }
    }
}

#[test]
fn what_is_copied_is_copied_as_it_is_written() {
    let odd =
        r#"[1.0,1e2,-0,123456789012345678901234567890,"\u00e9\ud83d\ude00é",{"a":1,"a":2},[[]]]"#;
    let first = format!(
        r#"{{"big":18446744073709551616,"x":{odd},"identity_overrides":[{odd}],"y":1.50}}"#
    );
    let page = format!(r#"{{"identity_overrides":[{odd}, {odd}]}}"#);
    assert_eq!(
        merged(&[&first, &page]),
        format!(
            r#"{{"big":18446744073709551616,"x":{odd},"identity_overrides":[{odd},{odd}, {odd}],"y":1.50}}"#
        )
    );
}

#[test]
fn of_a_repeated_name_the_last_one_counts_as_in_a_document() {
    assert_eq!(
        merged(&[
            r#"{"identity_overrides":[1],"identity_overrides":[2]}"#,
            r#"{"identity_overrides":[3],"identity_overrides":[4]}"#,
        ]),
        r#"{"identity_overrides":[1],"identity_overrides":[2,4]}"#
    );
    assert_eq!(
        merged(&[
            r#"{"identity_overrides":[1],"identity_overrides":null}"#,
            r#"{"identity_overrides":[3],"identity_overrides":[]}"#,
            r#"{"identity_overrides":null,"\u0069dentity_overrides":[5]}"#,
        ]),
        r#"{"identity_overrides":[1],"identity_overrides":[5]}"#
    );
    // Only of the page itself, not of what it holds.
    assert_eq!(
        merged(&[
            r#"{"project":{"identity_overrides":[1]},"identity_overrides":[2]}"#,
            r#"{"project":{"identity_overrides":[3]}}"#,
        ]),
        r#"{"project":{"identity_overrides":[1]},"identity_overrides":[2]}"#
    );
}

#[test]
fn a_page_of_another_edition_adds_nothing() {
    let text = r#"{"updated_at":"2026-01-15T10:30:00.1Z","identity_overrides":[1]}"#;
    let mut pages = first(text).unwrap();
    let mut document = pages.beginning().to_vec();
    let mut append = |page: &str| {
        let (edition, appended) = pages.append(page.as_bytes()).unwrap();
        document.extend(appended.concat());
        edition
    };
    assert_eq!(
        append(r#"{"identity_overrides":[2],"updated_at":"2026-01-15T10:30:00.1Z"}"#),
        Edition::Same
    );
    assert_eq!(
        append(r#"{"identity_overrides":[3],"updated_at":"2026-01-15T10:30:00.2Z"}"#),
        Edition::Another
    );
    for unknown in [
        r#"{"identity_overrides":[4]}"#,
        r#"{"identity_overrides":[5],"updated_at":null}"#,
    ] {
        assert_eq!(append(unknown), Edition::Unknown);
    }
    document.extend(pages.end().concat());
    assert_eq!(
        String::from_utf8(document).unwrap(),
        text.replace("[1]", "[1,2,4,5]")
    );
}

#[test]
fn what_is_no_page_is_refused_with_its_place() {
    let first: &[u8] = br#"{"identity_overrides":[1]}"#;
    let deep = format!(r#"{{"identity_overrides":[{}"#, "[".repeat(200_000));
    for (page, expected) in [
        (&b"[]"[..], "document: expected an object"),
        (b"", "document: expected an object"),
        (b"<html>", "document: expected an object"),
        (
            br#"{"identity_overrides":{}}"#,
            "identity_overrides: expected a list, found an object",
        ),
        (
            br#"{"identity_overrides":[1,]}"#,
            "document: not JSON at byte 25: Expecting value",
        ),
        (
            br#"{"identity_overrides":[1}"#,
            "document: not JSON at byte 24: Expecting ',' delimiter",
        ),
        (
            br#"{"identity_overrides":[1]"#,
            "document: not JSON at byte 25: Expecting ',' delimiter",
        ),
        (
            br#"{"identity_overrides":[1]} x"#,
            "document: not JSON at byte 27: Extra data",
        ),
        (b"{\"a\":\"\xff\"}", "document: not UTF-8 at byte 6"),
        (
            deep.as_bytes(),
            "document: not JSON at byte 278: maximum recursion depth exceeded",
        ),
    ] {
        assert_eq!(refused(&[page]), expected);
        assert_eq!(refused(&[first, page]), expected);
    }
}

#[test]
fn pages_compile_to_what_the_whole_document_compiles_to() {
    let state = |value: &str| {
        format!(
            r#"{{"feature":{{"id":1,"name":"f","type":"STANDARD"}},"enabled":true,"feature_state_value":"{value}","django_id":1}}"#
        )
    };
    let entry = |identifier: usize| {
        format!(
            r#"{{"identifier":"{identifier}","identity_features":[{}]}}"#,
            state(&identifier.to_string())
        )
    };
    let page = |entries: std::ops::Range<usize>| {
        let entries: Vec<_> = entries.map(entry).collect();
        format!(
            r#"{{"api_key":"k","name":"n","updated_at":"2026-01-15T10:30:00.1Z","project":{{"segments":[]}},"feature_states":[{}],"identity_overrides":[{}]}}"#,
            state("default"),
            entries.join(",")
        )
    };
    let whole = page(0..100);
    let pages = [page(0..30), page(30..31), page(31..31), page(31..100)];
    let pages: Vec<_> = pages.iter().map(String::as_str).collect();
    let document = merged(&pages);
    assert_eq!(document, whole);
    assert!(compile(document.as_bytes()).is_ok());
}
