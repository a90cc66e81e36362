//! Bodies of every kind: what is valid is answered, everything else is refused with a 4xx.

use super::{Target, answers, post};

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

fn traits(count: usize) -> String {
    let traits: Vec<String> = (0..count)
        .map(|number| format!(r#"{{"trait_key":"trait-{number}","trait_value":{number}}}"#))
        .collect();
    format!(r#"{{"identifier":"many","traits":[{}]}}"#, traits.join(","))
}

fn with_value(value: &str) -> String {
    format!(r#"{{"identifier":"a","traits":[{{"trait_key":"plan","trait_value":{value}}}]}}"#)
}

#[test]
fn bodies_of_any_kind_are_answered_or_refused() {
    let target = Target::start();
    let identified = |identifier: &str| format!(r#"{{"identifier":"{identifier}"}}"#);
    let ok: &[u16] = &[200];
    let unparsable: &[u16] = &[400];
    let invalid: &[u16] = &[422];
    let too_large: &[u16] = &[413];
    let bodies: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("a good one", identified("a").into(), ok),
        ("no JSON", b"hello".to_vec(), invalid),
        ("an empty one", Vec::new(), invalid),
        ("half an object", b"{\"identifier\":".to_vec(), invalid),
        ("two values", b"{\"identifier\":\"a\"} {}".to_vec(), invalid),
        ("a list", b"[]".to_vec(), invalid),
        ("a number", b"1".to_vec(), invalid),
        ("zero bytes", vec![0; 100], invalid),
        (
            "not UTF-8",
            b"{\"identifier\":\"\xff\xfe\"}".to_vec(),
            unparsable,
        ),
        (
            "half a character",
            b"{\"identifier\":\"\xe2\x82\"}".to_vec(),
            unparsable,
        ),
        (
            "an encoded surrogate",
            b"{\"identifier\":\"\xed\xa0\x80\"}".to_vec(),
            unparsable,
        ),
        (
            "UTF-16",
            "{\"identifier\":\"a\"}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            &[200, 400, 422],
        ),
        (
            "half a surrogate pair",
            identified("\\ud800").into(),
            invalid,
        ),
        ("a surrogate pair", identified("\\ud83d\\ude00").into(), ok),
        ("a zero byte's escape", identified("\\u0000").into(), ok),
        ("a control character", identified("\u{1}").into(), invalid),
        ("an escape that is none", identified("\\x").into(), invalid),
        (
            "50,000 lists in lists",
            nested("[", "]", 50_000).into(),
            &[400, 422],
        ),
        (
            "500,000 lists that stay open",
            "[".repeat(500_000).into(),
            &[400, 422],
        ),
        (
            "100,000 objects in objects",
            nested("{\"a\":", "}", 100_000).into(),
            &[400, 422],
        ),
        (
            "a trait of lists in lists",
            with_value(&nested("[", "]", 50_000)).into(),
            &[200, 400, 422],
        ),
        (
            "a trait of an object",
            with_value(r#"{"a":{"b":[1,2,3]}}"#).into(),
            &[200, 400, 422],
        ),
        ("10,000 traits", traits(10_000).into(), ok),
        ("100,000 traits", traits(100_000).into(), too_large),
        (
            "the same trait 10,000 times",
            format!(
                r#"{{"identifier":"a","traits":[{}]}}"#,
                vec![r#"{"trait_key":"a","trait_value":1}"#; 10_000].join(",")
            )
            .into(),
            ok,
        ),
        (
            "a member 50,000 times",
            format!(
                "{{{}\"identifier\":\"a\"}}",
                r#""identifier":"b","#.repeat(50_000)
            )
            .into(),
            ok,
        ),
        (
            "50,000 unknown members",
            format!(
                "{{{}\"identifier\":\"a\"}}",
                (0..50_000)
                    .map(|number| format!("\"m{number}\":0,"))
                    .collect::<String>()
            )
            .into(),
            ok,
        ),
        (
            "an identifier of 900 KB",
            identified(&"a".repeat(900_000)).into(),
            &[200, 400, 422],
        ),
        (
            "a trait's name of 900 KB",
            format!(
                r#"{{"identifier":"a","traits":[{{"trait_key":"{}","trait_value":1}}]}}"#,
                "a".repeat(900_000)
            )
            .into(),
            &[200, 400, 422],
        ),
        (
            "an identifier of 100,000 escapes",
            identified(&"\\u0041".repeat(100_000)).into(),
            &[200, 400, 422],
        ),
        (
            "an identifier that is a number",
            br#"{"identifier":1}"#.to_vec(),
            ok,
        ),
        (
            "an identifier that is a boolean",
            br#"{"identifier":true}"#.to_vec(),
            invalid,
        ),
        (
            "a number of 100,000 digits",
            with_value(&"9".repeat(100_000)).into(),
            &[200, 400, 422],
        ),
        (
            "a fraction of 100,000 digits",
            with_value(&format!("0.{}", "1".repeat(100_000))).into(),
            &[200, 400, 422],
        ),
        (
            "an exponent beyond all",
            with_value("1e999999999").into(),
            &[200, 400, 422],
        ),
        (
            "an exponent below all",
            with_value("1e-999999999").into(),
            &[200, 400, 422],
        ),
        (
            "an exponent of 10,000 digits",
            with_value(&format!("1e{}", "9".repeat(10_000))).into(),
            &[200, 400, 422],
        ),
        ("no number", with_value("NaN").into(), &[200, 400, 422]),
        ("infinity", with_value("-Infinity").into(), &[200, 400, 422]),
        (
            "a number with a zero before it",
            with_value("007").into(),
            invalid,
        ),
        (
            "900 KB of spaces",
            format!("{}{}", " ".repeat(900_000), identified("a")).into(),
            ok,
        ),
        (
            "as much as is allowed",
            format!("{}{}", " ".repeat(1_048_576 - 18), identified("a")).into(),
            ok,
        ),
        (
            "one byte more",
            format!("{}{}", " ".repeat(1_048_576 - 17), identified("a")).into(),
            too_large,
        ),
    ];
    let mut wrong = Vec::new();
    for (name, body, expected) in &bodies {
        let found = answers(&target.exchange(&post(body)));
        if found.len() != 1 || !expected.contains(&found[0].0) {
            wrong.push(format!(
                "{name}: {found:.300?}, expected one of {expected:?}"
            ));
        }
        target.is_well(name);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    println!(
        "{} bodies; worker's private memory {} KiB",
        bodies.len(),
        target.private() / 1024
    );
}
