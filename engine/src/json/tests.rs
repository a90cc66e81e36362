//! The reader: what it accepts, and the words of each refusal.

use super::*;

fn read_document(text: &str) -> Read<Value<'_>> {
    let mut reader = Reader::new(text, Dialect::Document);
    let value = reader.value();
    let read = value.and_then(|value| reader.end().map(|()| value));
    let mut reader = Reader::new(text, Dialect::Document);
    let skipped = reader.skip().and_then(|()| reader.end());
    assert_eq!(
        read.as_ref().map(drop),
        skipped.as_ref().copied(),
        "{text} skipped"
    );
    read
}

fn printed(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    write_value(value, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn keeps_what_each_dialect_keeps() {
    let check = |text: &str, document: Option<&str>, body: Option<&str>| {
        assert_eq!(
            read_document(text)
                .ok()
                .map(|value| printed(&value))
                .as_deref(),
            document,
            "{text} as document"
        );
        assert_eq!(
            read_body(text).ok().map(|value| printed(&value)).as_deref(),
            body,
            "{text} as body"
        );
    };
    check(
        " [1, 1.0, -0, -0.0, 1e3]\n",
        Some("[1,1.0,0,-0.0,1000.0]"),
        Some("[1,1.0,0,-0.0,1000.0]"),
    );
    check(
        "18446744073709551615",
        Some("18446744073709551615"),
        Some("18446744073709551615"),
    );
    check(
        "18446744073709551616",
        Some("1.8446744073709552e19"),
        Some("18446744073709551616"),
    );
    check(
        "-9223372036854775809",
        Some("-9.223372036854776e18"),
        Some("-9223372036854775809"),
    );
    check("[NaN,Infinity,-Infinity]", None, Some("[null,null,null]"));
    check("1e999", None, Some("null"));
    check(
        r#"{"a":1,"b":2,"a":3}"#,
        Some(r#"{"a":3,"b":2}"#),
        Some(r#"{"a":3,"b":2}"#),
    );
    check(
        r#""\u00e9\/\ud83d\ude00\u0001\u001f\t""#,
        Some("\"é/😀\\u0001\\u001f\\t\""),
        Some("\"é/😀\\u0001\\u001f\\t\""),
    );
    check(&"[".repeat(2000), None, None);
}

#[test]
fn finds_repeated_names_in_large_objects() {
    let members: Vec<String> = (0..100)
        .map(|number| format!("\"k{}\":{number}", number % 60))
        .collect();
    let value = read_body(&format!("{{{}}}", members.join(",")))
        .map(|value| printed(&value))
        .unwrap();
    assert!(value.starts_with(r#"{"k0":60,"k1":61"#), "{value}");
    assert!(value.ends_with(r#""k40":40,"k41":41,"k42":42,"k43":43,"k44":44,"k45":45,"k46":46,"k47":47,"k48":48,"k49":49,"k50":50,"k51":51,"k52":52,"k53":53,"k54":54,"k55":55,"k56":56,"k57":57,"k58":58,"k59":59}"#), "{value}");
}

/// Expected words and positions were printed by CPython 3.12's `json.loads`.
#[test]
fn refuses_with_pythons_words() {
    let check = |text: &str, message: &str, position: usize| {
        let error = read_body(text).unwrap_err();
        assert_eq!(
            (error.message, error.position),
            (message, position),
            "{text}"
        );
    };
    check("", "Expecting value", 0);
    check("  ", "Expecting value", 2);
    check("{", "Expecting property name enclosed in double quotes", 1);
    check(
        r#"{"a":1,}"#,
        "Expecting property name enclosed in double quotes",
        7,
    );
    check(r#"{"a" 1}"#, "Expecting ':' delimiter", 5);
    check(r#"{"a":1 "b":2}"#, "Expecting ',' delimiter", 7);
    check(r#"{"a":}"#, "Expecting value", 5);
    check("[1,]", "Expecting value", 3);
    check("[1 2]", "Expecting ',' delimiter", 3);
    check("-", "Expecting value", 0);
    check("01", "Extra data", 1);
    check("1.", "Extra data", 1);
    check("nul", "Expecting value", 0);
    check("\"abc", "Unterminated string starting at", 0);
    check("[\"a\nb\"]", "Invalid control character at", 3);
    check(r#"["\x"]"#, "Invalid \\escape", 2);
    check(r#"["\u12"]"#, "Invalid \\uXXXX escape", 3);
    check(r#"["\ud800\u12"]"#, "Invalid \\uXXXX escape", 9);
    check("{\"a\":1} x", "Extra data", 8);
}

#[test]
fn notices_half_a_surrogate_pair() {
    let Value::Text(text) = read_body(r#""a\ud800b""#).unwrap() else {
        panic!("a string")
    };
    assert!(text.has_lone_surrogate());
    assert!(Value::Text(text.clone()) != read_body("\"a\u{fffd}b\"").unwrap());
    assert_eq!(printed(&Value::Text(text)), r#""a\ud800b""#);
    assert!(
        matches!(read_body(r#""\ud83d\ude00""#).unwrap(), Value::Text(text) if !text.has_lone_surrogate())
    );
}

#[test]
fn ends_a_string_at_its_first_special_byte() {
    for length in 0..40 {
        for special in ["\"", "\\\"", "\u{1f}", ""] {
            // Bytes next to the special ones in value must not stop it: blank, exclamation mark, bracket, é.
            let plain: String = " ![]é~#".chars().cycle().take(length).collect();
            let text = format!("\"{plain}{special}tail\"");
            let read = read_body(&text).map(|value| printed(&value));
            match special {
                "\"" => assert_eq!(read.map_err(|error| error.message), Err("Extra data")),
                "\u{1f}" => assert_eq!(
                    read.map_err(|error| error.message),
                    Err("Invalid control character at")
                ),
                _ => assert_eq!(read.as_deref(), Ok(text.as_str())),
            }
        }
    }
}
