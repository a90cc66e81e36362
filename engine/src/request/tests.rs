//! Request bodies: what is kept, what is refused and how, and that both ways agree.

use super::*;

fn accepted(body: &str) -> String {
    let request = read_identity(body.as_bytes(), BodyKind::Json);
    let mut out = Vec::new();
    request
        .expect(body)
        .into_identity(|| "random".to_owned())
        .write_head(&mut out);
    let head = String::from_utf8(out).unwrap();
    let identity = head.strip_prefix('{').unwrap();
    identity.strip_suffix(",\"flags\":").unwrap().to_owned()
}

fn refused(body: &[u8]) -> String {
    match read_identity(body, BodyKind::Json) {
        Err(BodyError::Invalid(answer)) => answer,
        Err(BodyError::Unparsable(answer)) => format!("400 {answer}"),
        Ok(request) => panic!("accepted {request:?}"),
    }
}

#[test]
fn keeps_exact_types_and_order() {
    let body = r#"{"identifier":"é\u00e9\/","traits":[
        {"trait_key":"i","trait_value":1},{"trait_key":"f","trait_value":1.50},{"trait_key":"e","trait_value":1e22},
        {"trait_key":"b","trait_value":true},{"trait_key":"s","trait_value":"007"},{"trait_key":"n"},
        {"trait_key":"nan","trait_value":NaN},{"trait_key":"z","trait_value":-0},{"trait_key":"z","trait_value":-0.0},
        {"trait_key":"big","trait_value":123456789012345678901234567890,"transient":true}],"transient":true}"#;
    assert_eq!(
        accepted(body),
        "\"identifier\":\"éé/\",\"traits\":[{\"trait_key\":\"i\",\"trait_value\":1},\
         {\"trait_key\":\"f\",\"trait_value\":1.5},{\"trait_key\":\"e\",\"trait_value\":1e22},\
         {\"trait_key\":\"b\",\"trait_value\":true},{\"trait_key\":\"s\",\"trait_value\":\"007\"},\
         {\"trait_key\":\"n\",\"trait_value\":null},{\"trait_key\":\"nan\",\"trait_value\":null},\
         {\"trait_key\":\"z\",\"trait_value\":0},{\"trait_key\":\"z\",\"trait_value\":-0.0},\
         {\"trait_key\":\"big\",\"trait_value\":123456789012345678901234567890}]"
    );
}

#[test]
fn takes_the_last_of_repeated_members() {
    assert_eq!(
        accepted(r#"{"identifier":1,"traits":7,"identifier":"b","traits":[]}"#),
        r#""identifier":"b","traits":[]"#
    );
}

#[test]
fn names_a_transient_identity_by_its_traits() {
    let body = r#"{"identifier":null,"traits":[{"trait_key":"b","trait_value":true},{"trait_key":"a","trait_value":1.0}]}"#;
    // SHA-256 of "a1.0bTrue".
    assert!(
        accepted(body).starts_with(r#""identifier":"ceffde9f"#),
        "{}",
        accepted(body)
    );
    assert_eq!(accepted("{}"), r#""identifier":"random","traits":[]"#);
    // SHA-256 of "b1": traits that are null do not count.
    let body =
        r#"{"traits":[{"trait_key":"a","trait_value":null},{"trait_key":"b","trait_value":1}]}"#;
    let head = accepted(body);
    assert!(
        head.starts_with(
            r#""identifier":"7dc96f776c8423e57a2785489a3f9c43fb6e756876d6ad9a9cac4aa4e72ec193""#
        ),
        "{head}"
    );
    // SHA-256 of nothing.
    let head = accepted(r#"{"traits":[{"trait_key":"a"}]}"#);
    assert!(head.starts_with(r#""identifier":"e3b0c442"#), "{head}");
}

/// As in the core API, whose identifiers are trimmed too.
#[test]
fn a_blank_identifier_is_none() {
    for identifier in ["", " ", "\\t\\n ", "\u{2003}", "\\u001f"] {
        let body = format!(r#"{{"identifier":"{identifier}"}}"#);
        assert_eq!(accepted(&body), r#""identifier":"random","traits":[]"#);
    }
}

#[test]
fn white_space_around_identifiers_and_keys_goes() {
    for (identifier, key) in [
        (" alice ", " plan"),
        ("alice\u{a0}", "plan "),
        ("\\talice", "\\u0070lan\\r\\n"),
        ("\\u001calice\u{3000}", "\\u001fplan"),
    ] {
        let list = format!(r#"{{"trait_key":"{key}","trait_value":" premium "}}"#);
        let body = format!(r#"{{"identifier":"{identifier}","traits":[{list}]}}"#);
        let expected =
            r#""identifier":"alice","traits":[{"trait_key":"plan","trait_value":" premium "}]"#;
        assert_eq!(accepted(&body), expected, "{body}");
    }
    assert_eq!(
        accepted(r#"{"identifier":"a  b","traits":[{"trait_key":" ","trait_value":1}]}"#),
        r#""identifier":"a  b","traits":[{"trait_key":"","trait_value":1}]"#
    );
}

/// The texts are printed by CPython.
#[test]
fn numbers_lists_and_objects_are_their_texts() {
    for (number, text) in [
        ("12345", "12345"),
        ("-0", "0"),
        ("1.50", "1.5"),
        ("1e16", "1e+16"),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
    ] {
        let body = format!(
            r#"{{"identifier":{number},"traits":[{{"trait_key":{number},"trait_value":{number}}}]}}"#
        );
        let head = format!(r#""identifier":"{text}","traits":[{{"trait_key":"{text}","#);
        assert!(accepted(&body).starts_with(&head), "{body}");
    }
    for (value, text) in [
        ("[]", "[]"),
        ("{}", "{}"),
        (
            r#"[1,"a",1.5,null,true,{"k":"it's","n":[1e16,-0.0]}]"#,
            r#"[1, 'a', 1.5, None, True, {'k': \"it's\", 'n': [1e+16, -0.0]}]"#,
        ),
        (r#"{"a":0,"c":{},"a":[1,"b"]}"#, "{'a': [1, 'b'], 'c': {}}"),
    ] {
        let body =
            format!(r#"{{"identifier":"i","traits":[{{"trait_key":"k","trait_value":{value}}}]}}"#);
        let expected =
            format!(r#""identifier":"i","traits":[{{"trait_key":"k","trait_value":"{text}"}}]"#);
        assert_eq!(accepted(&body), expected);
    }
}

#[test]
fn a_request_whose_traits_do_not_count_has_none() {
    let body = br#"{"traits":[{"trait_key":"plan","trait_value":"premium"}]}"#;
    let request = read_identity(body, BodyKind::Json).unwrap();
    let identity = request
        .without_traits()
        .into_identity(|| "random".to_owned());
    let mut head = Vec::new();
    identity.write_head(&mut head);
    assert_eq!(head, br#"{"identifier":"random","traits":[],"flags":"#);
}

/// Recorded from the official proxy, but for the last three, where it fails with 500 or is cut short.
#[test]
fn refuses_in_known_words() {
    let check = |body: &str, answer: &str| assert_eq!(refused(body.as_bytes()), answer, "{body}");
    check(
        "",
        r#"{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null,"url":"https://errors.pydantic.dev/2.7/v/missing"}]}"#,
    );
    check(
        "null",
        r#"{"detail":[{"type":"missing","loc":["body"],"msg":"Field required","input":null,"url":"https://errors.pydantic.dev/2.7/v/missing"}]}"#,
    );
    check(
        "not json",
        r#"{"detail":[{"type":"json_invalid","loc":["body",0],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}}]}"#,
    );
    check(
        "[]",
        r#"{"detail":[{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[],"url":"https://errors.pydantic.dev/2.7/v/model_attributes_type"}]}"#,
    );
    check(
        r#"{"identifier": true}"#,
        r#"{"detail":[{"type":"string_type","loc":["body","identifier"],"msg":"Input should be a valid string","input":true,"url":"https://errors.pydantic.dev/2.7/v/string_type"}]}"#,
    );
    check(
        r#"{"identifier":"a","traits":null}"#,
        r#"{"detail":[{"type":"list_type","loc":["body","traits"],"msg":"Input should be a valid list","input":null,"url":"https://errors.pydantic.dev/2.7/v/list_type"}]}"#,
    );
    check(
        r#"{"identifier":"a","traits":[{"trait_value":1}]}"#,
        r#"{"detail":[{"type":"missing","loc":["body","traits",0,"trait_key"],"msg":"Field required","input":{"trait_value":1},"url":"https://errors.pydantic.dev/2.7/v/missing"}]}"#,
    );
    check(
        r#"{"identifier":"\ud800"}"#,
        r#"{"detail":[{"type":"string_unicode","loc":["body","identifier"],"msg":"Input should be a valid string, unable to parse raw data as a unicode string","input":"\ud800","url":"https://errors.pydantic.dev/2.7/v/string_unicode"}]}"#,
    );
    assert_eq!(
        refused(b"{\"identifier\":\"\xff\"}"),
        r#"400 {"detail":"There was an error parsing the body"}"#
    );
    let nested = format!(
        r#"{{"identifier":"a","traits":[{{"trait_key":"k","trait_value":["{}"]}}]}}"#,
        "x".repeat(1997)
    );
    assert!(refused(nested.as_bytes()).contains(r#""actual_length":2001}"#));
    assert!(accepted(&nested.replacen("xx", "x", 1)).contains("xxx"));
    // The official proxy's answer has this length.
    let long = format!(
        r#"{{"identifier":"a","traits":[{{"trait_key":"k","trait_value":"{}"}}]}}"#,
        "x".repeat(2001)
    );
    assert_eq!(refused(long.as_bytes()).len(), 2189);
    assert!(accepted(&long.replacen("xx", "é", 1)).contains('é'));
}

#[test]
fn both_ways_agree() {
    for body in [
        r#"{"identifier":"a"}"#,
        r#" {"traits":[{"trait_value":"\u0041","trait_key":"k","x":[1,{"y":null}]}],"identifier":"a\nb"} "#,
        r#"{"identifier":"a","traits":[{"trait_key":"k","trait_value":1e400}]}"#,
        r#"{"other":{}}"#,
        r#"{"identifier":"é","traits":[{"trait_key":"é","trait_value":" é "}]}"#,
    ] {
        let plain = plain::read(body).expect(body);
        assert_eq!(
            Ok(plain),
            strict::read(body.as_bytes(), BodyKind::Json),
            "{body}"
        );
    }
}

/// Each list is given as it was sent and says whether an answer repeats it without writing it anew.
#[test]
fn repeats_traits_that_need_no_change() {
    let values = [
        ("1", true),
        ("-1", true),
        ("0", true),
        ("-0", false),
        ("1e5", false),
        ("0.0", true),
        ("-0.0", true),
        ("1.0", true),
        ("1.50", false),
        ("0.1", true),
        ("0.00001", false),
        ("1299.5", true),
        ("12345678901234.5", true),
        ("12345678901234567.5", false),
        ("0.1000000000000000055", false),
        ("123456789012345678901234567890", true),
        ("1E5", false),
        ("null", true),
        ("true", true),
        ("NaN", false),
        ("\"text é\"", true),
        ("\"\\u00e9\"", false),
        ("\"\"", true),
    ];
    let lists = values.map(|(value, same)| {
        let list = format!(r#"{{"trait_key":"k","trait_value":{value}}}"#);
        (
            format!(r#"{{"trait_key":"j","trait_value":7}},{list}"#),
            same,
        )
    });
    let others = [
        (r#" {"trait_key":"k","trait_value":1}"#, false),
        (r#"{"trait_key": "k","trait_value":1}"#, false),
        (r#"{"trait_key":"k","trait_value":1} "#, false),
        (r#"{"trait_value":1,"trait_key":"k"}"#, false),
        (
            r#"{"trait_key":"k","trait_value":1,"transient":true}"#,
            false,
        ),
        (r#"{"trait_key":"k"}"#, false),
        (r#"{"trait_key":"k\u006b","trait_value":1}"#, false),
    ];
    let others = others.map(|(list, same)| (list.to_owned(), same));
    for (list, same) in lists.into_iter().chain(others) {
        let body = format!(r#"{{"identifier":"a","traits":[{list}]}}"#);
        let plain = plain::read(&body).expect(&body);
        assert_eq!(
            plain.traits.verbatim,
            same.then_some(list.as_str()),
            "{list}"
        );
        let mut anew = strict::read(body.as_bytes(), BodyKind::Json).expect(&body);
        assert!(anew.traits.verbatim.take().is_none());
        let head = |request: IdentityRequest<'_>| {
            let mut out = Vec::new();
            request.into_identity(String::new).write_head(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(head(plain), head(anew), "{list}");
    }
}

#[test]
fn both_ways_stop_at_the_same_depth() {
    for depth in 245..265 {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for body in [
            format!(r#"{{"identifier":"a","x":{deep}}}"#),
            format!(r#"{{"identifier":"a","traits":[{{"trait_key":"k","x":{deep}}}]}}"#),
        ] {
            let strict = strict::read(body.as_bytes(), BodyKind::Json);
            assert_eq!(read_identity(body.as_bytes(), BodyKind::Json), strict);
        }
    }
}
