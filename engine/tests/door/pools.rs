//! The names, texts and numbers that random documents and requests are drawn from.

pub(crate) const FEATURES: [&str; 5] = ["f0", "f1", "f2", "f3", "é"];

pub(crate) const IDENTIFIERS: [&str; 10] =
    ["u1", "u2", "7", "007", "1.5", "", " ", " u1 ", "é", "u1,u2"];

pub(crate) const UUIDS: [&str; 3] = [
    "00000000-0000-0000-0000-000000000001",
    "{B0C1D2E3-F4A5-6789-ABCD-EF0123456789}",
    "urn:uuid:ffffffffffffffffffffffffffffffff",
];

/// Properties of conditions. Requests use them as keys of traits, too.
pub(crate) const PROPERTIES: [&str; 20] = [
    "é",
    "",
    "$.identity.identifier",
    "$.identity.key",
    "$.identity.traits.t",
    "$.identity.traits.é",
    "$.environment.name",
    "$.environment.key",
    "$.no path at all",
    "$.identity['traits']['u']",
    "$.identity.traits.*",
    "$..t",
    "$.features.f0.value",
    "$.identity.traits.a-b",
    "$.features['\\ud83d\\ude00'].value",
    "$.features.😀.value",
    "$.features.f1.variants[0].weight",
    "$.features[?@.enabled == true].name",
    "$.segments.*.overrides[0].priority",
    "$.segments['1'].rules[0].conditions[*].value",
];

/// Properties that read flags.
pub(crate) const FLAG_PROPERTIES: [&str; 12] = [
    "$.flags.f0.enabled",
    "$.flags.f1.enabled",
    "$.flags.f2.enabled",
    "$.flags.f3.enabled",
    "$.flags.f0.value",
    "$.flags['f1'].value",
    "$.flags.f2[ \"value\" ]",
    "$.flags.f3.variant",
    "$.flags.é.enabled",
    "$.flags['\\u00e9'].value",
    "$.flags.f4.enabled",
    "$.flags.f0",
];

/// Texts that are drawn most often, so that traits and operands are often equal.
pub(crate) const COMMON: [&str; 6] = ["a", "b", "1", "5", "7", "1.5"];

pub(crate) const TEXTS: [&str; 28] = [
    "a",
    "b",
    "ab",
    "A",
    "",
    "1",
    "5",
    "007",
    "-3",
    "1.5",
    "1.50",
    "5.0",
    "true",
    "True",
    "false",
    "None",
    "1e3",
    " 5 ",
    "1_0",
    "٣",
    "é",
    "a,b",
    "[1]",
    "1.2.3",
    "1.2.3-beta",
    "2.0.0",
    "1.2.3+b",
    "123456789012345678901234567890",
];

/// Operands, by the operator or the kind of operators that they are for.
pub(crate) const OPERANDS: [(&str, &[&str]); 7] = [
    (
        "semver",
        &[
            "1.2.3:semver",
            "1.2.3-beta:semver",
            "2.0.0:semver",
            "1.2.3+c:semver",
            "1.2:semver",
        ],
    ),
    (
        "CONTAINS",
        &["a", "b", "", "é", "1", "beta:semver", "b:semver", ".", "ab"],
    ),
    (
        "REGEX",
        &[
            "a", "^a?b?$", ".*", "[0-9]+", r"\d", "(", "1|5", r"[^\W\d]", "(?i)A", "Tru",
        ],
    ),
    (
        "IN",
        &[
            "a,b,5",
            "1,5,7,u1",
            "b,1,true",
            "007,a",
            "",
            "[\"a\", 1, \"b\", 5.0, true, null]",
            "[1,[2,\"x\"]]",
            "[1",
            "true,True",
            "u1,u2",
            "1.5",
        ],
    ),
    (
        "MODULO",
        &[
            "2|1",
            "2|1",
            "2|0",
            "5|0",
            "3|2",
            "3|1",
            "-2|-1",
            "0|0",
            "1.5|0",
            "5|0",
            "a|1",
            "2|1|0",
            " 1_0 | 5. ",
            "nan|1",
            "inf|5",
        ],
    ),
    (
        "PERCENTAGE_SPLIT",
        &["0", "50", "100", "33.3", " 75 ", "x", "nan", "1e1"],
    ),
    (
        "number",
        &[
            "1",
            "5",
            "7",
            "-3",
            "1.5",
            "5.0",
            "1e3",
            "1_0",
            "nan",
            "-inf",
            "٣",
            "100000000000000000000",
            "0",
        ],
    ),
];

pub(crate) const INTEGERS: [&str; 8] = [
    "-3",
    "0",
    "1",
    "5",
    "7",
    "10",
    "9223372036854775808",
    "100000000000000000000",
];

pub(crate) const FLOATS: [f64; 10] = [
    0.0,
    -0.0,
    1.5,
    5.0,
    -3.0,
    1e16,
    1e-5,
    1e300,
    f64::NAN,
    f64::INFINITY,
];

pub(crate) const OPERATORS: [&str; 18] = [
    "EQUAL",
    "NOT_EQUAL",
    "GREATER_THAN",
    "GREATER_THAN_INCLUSIVE",
    "LESS_THAN",
    "LESS_THAN_INCLUSIVE",
    "CONTAINS",
    "NOT_CONTAINS",
    "REGEX",
    "IN",
    "IN",
    "MODULO",
    "MODULO",
    "PERCENTAGE_SPLIT",
    "PERCENTAGE_SPLIT",
    "IS_SET",
    "IS_NOT_SET",
    "SOME",
];
