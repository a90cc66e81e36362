"""Makes environment documents of the shape that Flagsmith sends, the same on every machine."""

import itertools
import json
import random

UPDATED_AT = "2026-01-15T10:30:00.123456Z"
# The same, in whole seconds since 1970.
UPDATED_SECOND = 1_768_473_000

# The conditions that segments of a document are made of: operator, property, value.
_CONDITIONS = [
    ("EQUAL", "beta_tester", "true"),
    ("CONTAINS", "signup_source", "organic"),
    ("NOT_CONTAINS", "team", "marketing"),
    ("REGEX", "version", r"^4\.\d+\.\d+$"),
    ("NOT_EQUAL", "language", "fr-FR"),
    ("CONTAINS", "email", "@flagsmith-customer"),
    ("GREATER_THAN_INCLUSIVE", "logins", "100"),
    ("GREATER_THAN", "age", "21"),
    ("LESS_THAN", "company_size", "1000"),
    ("PERCENTAGE_SPLIT", "", None),
    ("IN", "role", "owner,admin,billing"),
    ("GREATER_THAN", "spend", "999.5"),
    ("REGEX", "device", r"^(iphone|pixel)-\d+.*$"),
    ("EQUAL", "plan", "enterprise"),
    ("IN", "country", "GB,FR,DE,ES,IT,NL"),
    ("EQUAL", "plan", "free"),
    ("EQUAL", "plan", "x"),
    ("EQUAL", "role", "y"),
    ("IN", "country", "ZZ"),
    ("IN", "country", "US,CA,MX"),
    ("REGEX", "version", r"^3\.\d+$"),
    ("GREATER_THAN", "session_count", "1000"),
    ("CONTAINS", "email", "@example.org"),
    ("LESS_THAN", "age", "18"),
    ("EQUAL", "role", "viewer"),
]

# Fifteen segments of fifteen conditions, each given by its index above; a split has its percentage, too.
_SEGMENTS = """
ALL 0 1 2 3 4 5 6 7 8 9=46.1 10 11 12 13 14
ANY 15|ANY 9=43.3|ANY 13|ANY 1|ANY 12|ANY 7|ANY 5|ANY 0|ANY 2|ANY 4|ANY 6|ANY 10|ANY 14|ANY 8|ANY 3
ALL 6 1 10 3 7 4 2 11 12|ANY 16 17 5|NONE 16 17 18
ALL 8 13 9=12.6 3 19 1 0 14 2 4 11 6 12 10 7
ANY 11|ANY 10|ANY 3|ANY 7|ANY 5|ANY 6|ANY 14|ANY 1|ANY 0|ANY 12|ANY 9=97.6|ANY 8|ANY 13|ANY 4|ANY 2
ALL 4 3 11 14 9=47.9 2 0 20 20|ANY 16 17 1|NONE 16 17 18
ALL 5 9=35.7 11 10 4 2 1 12 14 7 6 0 13 3 8
ANY 4|ANY 7|ANY 11|ANY 9=22.8|ANY 10|ANY 1|ANY 12|ANY 14|ANY 0|ANY 8|ANY 21|ANY 13|ANY 2|ANY 3|ANY 6
ALL 9=99.0 2 6 14 0 1 8 10 13|ANY 16 17 5|NONE 16 17 18
ALL 2 7 3 14 8 0 4 9=60.3 11 1 5 10 22 6 13
ANY 0|ANY 6|ANY 13|ANY 10|ANY 2|ANY 8|ANY 7|ANY 9=64.3|ANY 4|ANY 5|ANY 11|ANY 14|ANY 1|ANY 12|ANY 3
ALL 9=75.2 10 8 4 11 0 13 5 23|ANY 16 17 1|NONE 16 17 18
ALL 13 3 9=47.4 2 14 0 5 10 8 4 6 1 7 12 11
ANY 8|ANY 10|ANY 13|ANY 14|ANY 9=99.0|ANY 6|ANY 4|ANY 0|ANY 3|ANY 11|ANY 1|ANY 2|ANY 12|ANY 5|ANY 24
ALL 11 9=44.3 0 14 3 10 8 13 2|ANY 16 17 5|NONE 16 17 18
""".strip().splitlines()


class Maker:
    """Makes the parts of one document; their numbers start at `first`."""

    def __init__(self, first: int):
        self._numbers = itertools.count(first)
        self._random = random.Random(first)

    def uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def feature_state(self, feature: dict, enabled: bool, value, priority=None, split=None) -> dict:
        """A feature state; `split` has the percentages of the two values of a multivariate feature."""
        number = next(self._numbers)
        return {
            "feature": feature,
            "enabled": enabled,
            "django_id": number,
            "feature_segment": None if priority is None else {"priority": priority},
            "featurestate_uuid": self.uuid(),
            "feature_state_value": value,
            "multivariate_feature_state_values": [
                {
                    "multivariate_feature_option": {"value": name, "id": number * 10 + index, "key": None},
                    "percentage_allocation": percentage,
                    "id": number * 10 + index,
                    "mv_fs_value_uuid": self.uuid(),
                }
                for index, (name, percentage) in enumerate(zip(("variant_a", "variant_b"), split or ()))
            ],
        }

    def environment_defaults(self, count: int) -> list[dict]:
        return [self._environment_default(number, count) for number in range(1, count + 1)]

    def _environment_default(self, number: int, count: int) -> dict:
        area = ("checkout", "payments", "search", "onboarding", "billing")[number % 5]
        # The last feature is only for server-side keys, and never multivariate.
        split = number % 10 == 0 and number < count
        kind = "MULTIVARIATE" if split else "STANDARD"
        feature = {"id": number, "name": f"{area}_feature_{number:02}", "type": kind}
        if split:
            return self.feature_state(feature, True, "control", split=(30.0, 30.0))
        if number % 10 == 5:
            value = f'{{"colour": "#00ff{number:02x}", "limit": {number}}}'
        elif number % 2:
            value = f"value-{number}-" + "x" * (number % 17)
        else:
            value = None if number % 8 else number * 10
        return self.feature_state(feature, number % 12 not in (2, 3, 6, 9, 10), value)

    def contested_segments(self, defaults: list[dict]) -> list[dict]:
        """Fifteen segments of fifteen conditions, each overriding every feature."""
        return [
            {
                "id": 101 + index,
                "name": f"segment_{index:02}",
                "rules": [{"type": "ALL", "rules": _rules(line), "conditions": []}],
                "feature_states": [
                    self.feature_state(
                        default["feature"],
                        (index + number) % 2 == 0,
                        f"seg{index:02}-{number + 1}",
                        priority=(7 * index + number) % 15,
                        split=(50.0, 20.0) if default["feature"]["type"] == "MULTIVARIATE" else None,
                    )
                    for number, default in enumerate(defaults)
                ],
            }
            for index, line in enumerate(_SEGMENTS)
        ]

    def plain_segments(self, defaults: list[dict]) -> list[dict]:
        """Five segments of one or two conditions, each overriding four features."""
        conditions = [
            [("EQUAL", "plan", "enterprise")],
            [("IN", "country", "US,CA")],
            [("GREATER_THAN", "age", "30"), ("REGEX", "email", r"^.*@corp\.example$")],
            [("PERCENTAGE_SPLIT", "", "50")],
            [("CONTAINS", "email", "jane"), ("EQUAL", "beta_tester", "true")],
        ]
        return [
            {
                "id": 201 + index,
                "name": f"segment_{index}",
                "rules": [
                    {
                        "type": "ALL",
                        "conditions": [],
                        "rules": [{"type": "ANY", "conditions": [_condition(*one)], "rules": []} for one in all_of],
                    }
                ],
                "feature_states": [
                    self.feature_state(default["feature"], True, f"s{index}", priority=index)
                    for default in defaults[2 * index : 2 * index + 4]
                ],
            }
            for index, all_of in enumerate(conditions)
        ]

    def identity_override(self, key: str, number: int, defaults: list[dict], distinct: bool) -> dict:
        """The override of the `number`th identity, of one feature or two; `distinct`: with values that no other has."""
        turn = number % 160
        first = turn if turn < 100 else 3 * turn
        numbers = [first % 50] if turn < 100 else [first % 50, (first + 7) % 50]
        features = []
        for index in numbers:
            value = f"override-{turn % 4}" if turn % 3 else defaults[index]["feature_state_value"]
            if distinct:
                value = f"override-{number:05}"
            features.append(self.feature_state(defaults[index]["feature"], turn % 100 < 50, value))
        identifier = f"user_{number:05}@corp.example"
        return {
            "identifier": identifier,
            "environment_api_key": key,
            "created_date": "2025-06-01T08:00:00.000000Z",
            "identity_features": features,
            "identity_traits": [],
            "identity_uuid": self.uuid(),
            "django_id": 500000 + number,
            "dashboard_alias": None,
            "composite_key": f"{key}_{identifier}",
        }


def environment(name: str, number: int, defaults: list, segments: list, overrides: list, server_only: list) -> bytes:
    """A whole document; its client-side key is `client_<name>`."""
    document = {
        "id": number,
        "api_key": f"client_{name}",
        "project": {
            "id": 1,
            "name": f"project {name}",
            "organisation": {
                "id": 1,
                "name": "Org",
                "feature_analytics": False,
                "stop_serving_flags": False,
                "persist_trait_data": True,
            },
            "hide_disabled_flags": False,
            "segments": segments,
            "enable_realtime_updates": False,
            "server_key_only_feature_ids": server_only,
        },
        "feature_states": defaults,
        "identity_overrides": overrides,
        "name": f"env {name}",
        "allow_client_traits": True,
        "updated_at": UPDATED_AT,
        "hide_sensitive_data": False,
        "hide_disabled_flags": None,
        "use_identity_composite_key_for_hashing": True,
        "use_identity_overrides_in_local_eval": True,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _rules(line: str) -> list[dict]:
    rules = []
    for rule in line.split("|"):
        kind, *numbers = rule.split()
        conditions = []
        for number in numbers:
            index, _, percentage = number.partition("=")
            operator, property_, value = _CONDITIONS[int(index)]
            conditions.append(_condition(operator, property_, value or percentage))
        rules.append({"type": kind, "rules": [], "conditions": conditions})
    return rules


def _condition(operator: str, property_: str, value: str) -> dict:
    return {"operator": operator, "value": value, "property_": property_}
