//! What is told of a document when it is compiled.

use serde_json::{Value, json};

use crate::proxy::Proxy;

/// The warnings about a document with one segment of these conditions.
fn warnings(conditions: &Value) -> Vec<String> {
    warnings_with(conditions, &json!({}))
}

/// The same if the document has these members, too. They are counted in the archive.
fn warnings_with(conditions: &Value, members: &Value) -> Vec<String> {
    let state = json!({"feature": {"id": 1, "name": "f"}, "enabled": true});
    let mut document = json!({
        "api_key": "key", "feature_states": [state], "project": {"segments": [{
            "id": 5, "name": "vip", "feature_states": [state],
            "rules": [{"type": "ALL", "conditions": conditions}],
        }]},
    });
    for (name, value) in members.as_object().expect("an object") {
        document[name] = value.clone();
    }
    let proxy = Proxy::new(&document);
    assert_eq!(proxy.environment().warnings(), proxy.warnings.len());
    proxy.warnings
}

fn condition(operator: &str, operand: &Value) -> Value {
    json!({"operator": operator, "property_": "t", "value": operand})
}

#[test]
fn an_operand_that_can_never_be_used_is_told_whatever_the_operator() {
    for (operator, operand, problem) in [
        ("REGEX", json!("("), "pattern \"(\" cannot be used: "),
        ("MODULO", json!("0|1"), "its divisor is 0"),
        (
            "MODULO",
            json!("3"),
            "its value \"3\" is no divisor and remainder with a | between them",
        ),
        (
            "MODULO",
            json!("3|x"),
            "its value \"3|x\" is no divisor and remainder with a | between them",
        ),
        (
            "MODULO",
            json!("nan|1"),
            "its value \"nan|1\" is no divisor and remainder with a | between them",
        ),
        (
            "MODULO",
            json!(null),
            "its value \"None\" is no divisor and remainder with a | between them",
        ),
        (
            "PERCENTAGE_SPLIT",
            json!("half"),
            "its value \"half\" is no share from 0 to 100",
        ),
        (
            "PERCENTAGE_SPLIT",
            json!("-1"),
            "its value \"-1\" is no share from 0 to 100",
        ),
        ("PERCENTAGE_SPLIT", json!(null), "its value is null"),
        (
            "IN",
            json!(null),
            "its value is null where a list or a string is expected",
        ),
        ("IN", json!("[]"), "its list is empty"),
        ("IN", json!([]), "its list is empty"),
        (
            "CONTAINS",
            json!("a_b:semver"),
            "\"a_b\" is no part of a version",
        ),
        (
            "EQUAL",
            json!(5),
            "its value is an integer where a string is expected",
        ),
        (
            "NOT_CONTAINS",
            json!(["a"]),
            "its value is a list where a string is expected",
        ),
        (
            "STARTS_WITH",
            json!("a"),
            "its operator \"STARTS_WITH\" is unknown",
        ),
    ] {
        let found = warnings(&json!([condition(operator, &operand)]));
        let expected =
            format!("segment 5 vip: the {operator} condition on \"t\" never matches: {problem}");
        assert_eq!(found.len(), 1, "{operator} {operand}: {found:?}");
        assert!(found[0].starts_with(&expected), "{}", found[0]);
    }
    for operator in ["EQUAL", "NOT_EQUAL", "GREATER_THAN", "LESS_THAN_INCLUSIVE"] {
        let found = warnings(&json!([condition(operator, &json!("1.x:semver"))]));
        let problem = "matches no version: its value ends with :semver and is no version";
        let expected = format!("segment 5 vip: the {operator} condition on \"t\" {problem}");
        assert_eq!(found, [expected]);
    }
}

#[test]
fn the_same_is_told_once_and_what_can_be_used_is_not_told() {
    let useless = condition("MODULO", &json!("3"));
    assert_eq!(
        warnings(&json!([useless, useless, condition("IN", &json!([]))])).len(),
        2
    );
    let usable = [
        ("EQUAL", json!("1.2.3:semver")),
        ("EQUAL", json!(null)),
        ("CONTAINS", json!("rc.1:semver")),
        ("IN", json!("")),
        ("MODULO", json!("inf|1.5")),
        ("PERCENTAGE_SPLIT", json!("0")),
        ("IS_SET", json!(null)),
        ("IS_NOT_SET", json!(7)),
    ];
    let usable = usable.map(|(operator, operand)| condition(operator, &operand));
    assert_eq!(warnings(&json!(usable)), [""; 0]);
}

#[test]
fn what_the_api_answers_differently_is_told_once_with_its_reason() {
    let none = json!([]);
    for (members, expected) in [
        (
            json!({"hide_sensitive_data": false, "use_identity_composite_key_for_hashing": true}),
            None,
        ),
        (
            json!({"hide_sensitive_data": true}),
            Some("hide_sensitive_data is true: the API answers no traits"),
        ),
        (
            json!({"use_identity_composite_key_for_hashing": false}),
            Some(
                "use_identity_composite_key_for_hashing is false: multivariate values and percentage splits differ",
            ),
        ),
    ] {
        let found = warnings_with(&none, &members);
        assert_eq!(found.len(), usize::from(expected.is_some()), "{found:?}");
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(found, expected)| found.starts_with(expected)),
            "{found:?}"
        );
    }
    let of_cohort = json!({
        "operator": "EQUAL", "property_": "flagsmith_cohort_6b2c6a0e-5d1f-4c6e-9a39-0f3f6f1c2a77", "value": "true",
    });
    let found = warnings(&json!([of_cohort, of_cohort]));
    let problem =
        "the API knows who belongs to a cohort, and no document contains it; here nobody does";
    assert_eq!(found, [format!("segment 5 vip: {problem}")]);
}
