"""What random documents and requests are drawn from: small pools, so that conditions, names and traits often meet.

`path` writes the JSONPath that reads a member of a flag, in one of the spellings that occur.
"""

import random
import re

# Names of features. Most odd ones need brackets in a path; without brackets the path names another feature or a trait.
PLAIN_NAMES = ["alpha", "beta", "gamma", "delta", "zeta", "f_1", "Alpha", "new-checkout"]
ODD_NAMES = [
    "a--1-",
    "-a",
    "1f",
    "a b",
    "a.b",
    "it's",
    'say "x"',
    "back\\slash",
    "é",
    "日本",
    "a😀",
    "a:b",
    "flags",
    "enabled",
]
# No document has a feature of this name.
MISSING_NAME = "ghost"

IDENTIFIERS = ["u1", "u2", "u3", "7", "007", "1.5", " u1\t", "é", "u1,u2"]

TRAIT_KEYS = ["plan", "age", "t", "é", "", "age "]

OTHER_PROPERTIES = [
    "$.identity.identifier",
    "$.identity.key",
    "$.identity.traits.plan",
    "$.identity['traits']['age']",
    "$.environment.name",
    "$.environment.key",
    "$.no path at all",
]

TEXTS = ["free", "pro", "a", "b", "ab", "", "1", "5", "7", "007", "-3", "1.5", "1.50", "5.0", "true", "True", "false"]
ODD_TEXTS = ["None", "1e3", " 5 ", "1_0", "٣", "é", "a,b", "[1]", "1.2.3", "1.2.3-beta", "2.0.0", "1.2.3+b", "9" * 25]

# Values of feature states. Flagsmith stores none of the odd ones except the texts.
VALUES = [None, None, "a", "b", "pro", "", "5", "007", "1.50", "true", "1.2.3", 0, 1, 5, -7, True, False]
ODD_VALUES = [1.0, 0.1, 1e16, 2**64 - 1, [1, {"a": "é\n"}], {"b": "a", "c": [5]}, '{"b": 1}', "é"]

OPTION_KEYS = ["red", "blue", "control", "7", "", "é"]

NUMBERS = ["1", "5", "7", "0", "-3", "1.5", "5.0", "1e3", "1_0", "nan", "-inf", "٣", "1" + "0" * 20, "x"]
SEMVERS = ["1.2.3:semver", "1.2.3-beta:semver", "2.0.0:semver", "1.2.3+c:semver", "1.2:semver"]

# Operands by operator. The operators that are not listed compare with texts, numbers and versions.
OPERANDS = {
    "CONTAINS": ["a", "b", "", "é", "1", "beta:semver", "b:semver", ".", "ro"],
    "NOT_CONTAINS": ["a", "b", "", "é", "1", ".", "ro"],
    "REGEX": ["a", "^a?b?$", ".*", "[0-9]+", r"\d", "1|5", r"[^\W\d]", "(?i)A", "Tru", "^T", "pro$"],
    "IN": [
        "a,b,5",
        "1,5,7,u1",
        "b,1,true",
        "007,pro",
        "",
        '["a", 1, "b", 5.0, true, null]',
        '[1,[2,"x"]]',
        "[1",
        "true,True",
        "u1,u2",
        "red,control",
        "1.5",
    ],
    "MODULO": ["2|1", "2|0", "5|0", "3|2", "3|1", "-2|-1", "1.5|0", "a|1", "2|1|0", " 1_0 | 5. ", "nan|1", "inf|5"],
    "PERCENTAGE_SPLIT": ["0", "50", "100", "33.3", " 75 ", "x", "nan", "1e1"],
    "IS_SET": ["", "true"],
    "IS_NOT_SET": ["", "true"],
}
# The Python engine raises an error for these operands; a condition with one does not match.
FAILING_OPERANDS = {"REGEX": ["(", "*"], "MODULO": ["0|0"], "PERCENTAGE_SPLIT": [None], "IN": [None]}

COMPARISONS = ["EQUAL", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_INCLUSIVE", "LESS_THAN", "LESS_THAN_INCLUSIVE"]
OPERATORS = [*COMPARISONS, *OPERANDS, "EQUAL", "EQUAL", "NOT_EQUAL", "IN", "IS_SET", "IS_NOT_SET"]
UNKNOWN_OPERATOR = "SOME"

# What conditions on a member of a flag compare it with.
MEMBER_OPERANDS = {
    "enabled": ["true", "true", "false", "True", "False", "1", "0", ""],
    "value": ["a", "b", "pro", "", "5", "7", "1.5", "true", "True", "1", "None", "1.2.3:semver"],
    "variant": ["red", "blue", "control", "7", ""],
}

# Members of a flag that conditions read: mostly the documented ones. An empty list reads the whole flag.
MEMBERS = [["enabled"]] * 8 + [["value"]] * 4 + [["variant"]] * 3 + [["nothing"], [], ["b", "enabled"]]
# Members that the Python engine also has.
UNDOCUMENTED_MEMBERS = [["name"], ["reason"], ["metadata", "id"], ["value", "b"]]

_SHORTHAND = re.compile("[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff-]*")


def path(chance: random.Random, name: str, members: list[str]) -> str:
    """The path to a member of a flag; now and then one that is no path, and so names a trait."""
    root = "$.flags"
    if chance.random() < 0.02:
        root = "$['flags']"
    wrong = 0.15 if not _SHORTHAND.fullmatch(name) else 0.7
    first = f".{name}" if chance.random() < wrong else _brackets(chance, name)
    rest = [f".{member}" if chance.random() < 0.85 else _brackets(chance, member) for member in members]
    blank = " " if chance.random() < 0.01 else ""
    return root + first + blank + "".join(rest)


def _brackets(chance: random.Random, name: str) -> str:
    quote = chance.choice("''\"")
    text = name.replace("\\", "\\\\").replace(quote, "\\" + quote)
    if chance.random() < 0.1 and not name.isascii():
        # UTF-16, as JSON escapes it.
        units = name.encode("utf-16-be").hex()
        text = "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
    blank = " " if chance.random() < 0.05 else ""
    return f"[{blank}{quote}{text}{quote}{blank}]"
