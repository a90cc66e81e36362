"""Random documents and requests, each the same for the same seed and number.

Features have an order. A segment reads only flags that come before all features that it overrides, so there is no
cycle. The exception is a group of neighbours that may read one another. Groups are small, because the Python engine
takes a time that is factorial in the number of mutually dependent flags.
"""

import random
import uuid
from dataclasses import dataclass

import pools

# Sizes of the groups that may have cycles.
_CYCLE_SIZES = [1, 2, 2, 2, 3, 3, 4, 5]


@dataclass
class Settings:
    """Which documents are made: whether conditions read flags, and members of them that are not documented."""

    dependencies: bool = True
    undocumented: bool = False


def case(settings: Settings, seed: int, number: int) -> dict:
    """A document and what is asked of it: `{"document": ..., "requests": [...]}`."""
    return _Maker(settings, random.Random(f"{seed}/{number}")).case()


class _Maker:
    def __init__(self, settings: Settings, chance: random.Random):
        self._settings = settings
        self._chance = chance
        self._number = 0
        # Feature names, prerequisites before dependents.
        self._names = self._make_names()
        # For each feature: a segment that overrides it may read this many of the names.
        self._readable_counts = self._make_groups(len(self._names))
        self._kinds = {name: chance.choice(["STANDARD", "STANDARD", "MULTIVARIATE"]) for name in self._names}
        # Properties of conditions: some traits have such a name.
        self._properties: list[str] = []

    def case(self) -> dict:
        document = self._document()
        requests = [_request("flags", server_key) for server_key in (False, True)]
        for _ in range(self._chance.randint(2, 4)):
            identifier, traits = self._identity()
            requests += [_request("identities", server_key, identifier, traits) for server_key in (False, True)]
        return {"document": document, "requests": requests}

    def _document(self) -> dict:
        chance = self._chance
        segments = self._segments()
        states = [self._feature_state(name) for name in self._names]
        if self._happens(0.03):
            states.append(self._feature_state(chance.choice(self._names)))
        chance.shuffle(states)
        ids = [state["feature"]["id"] for state in states]
        return {
            "id": 1,
            "api_key": "env-key",
            "name": "Prod",
            "updated_at": "2026-11-01T00:00:00+00:00",
            "hide_disabled_flags": chance.choice([None, None, None, True, False]),
            "feature_states": states,
            "identity_overrides": [self._identity_override() for _ in range(chance.choice([0, 0, 1, 1, 2, 4]))],
            "project": {
                "id": 1,
                "name": "project",
                "hide_disabled_flags": chance.choice([False, False, True]),
                "server_key_only_feature_ids": chance.sample(ids, chance.choice([0, 0, 0, 1, min(2, len(ids))])),
                "segments": segments,
            },
        }

    def _make_names(self) -> list[str]:
        chance = self._chance
        odd = chance.choice([0, 0, 1, 3])
        plain = chance.randint(2, 6)
        names = chance.sample(pools.PLAIN_NAMES, plain) + chance.sample(pools.ODD_NAMES, odd)
        if self._settings.dependencies and self._happens(0.005):
            # The Python engine exceeds its recursion limit at 60 links.
            names += [f"link_{number}" for number in range(35)]
        chance.shuffle(names)
        return names

    def _make_groups(self, count: int) -> list[int]:
        counts: list[int] = []
        with_cycles = self._happens(0.55)
        while len(counts) < count:
            start = len(counts)
            if with_cycles and self._happens(0.5):
                size = min(self._chance.choice(_CYCLE_SIZES), count - start)
                counts += [start + size] * size
            else:
                counts.append(start)
        return counts

    def _segments(self) -> list[dict]:
        chance = self._chance
        segments = []
        if self._settings.dependencies:
            shapes = [self._chain, self._diamond, self._ring, self._core_form, list, list]
            segments += chance.choice(shapes)()
        for _ in range(chance.choice([0, 1, 2, 2, 3, 4])):
            overridden = chance.sample(range(len(self._names)), chance.choice([1, 1, 1, 2, min(3, len(self._names))]))
            readable = self._names[: self._readable_counts[min(overridden)]]
            segments.append(self._segment(overridden, self._rules(readable)))
        chance.shuffle(segments)
        for place, id_ in enumerate(chance.sample(range(1, 100), len(segments))):
            segments[place]["id"] = id_
        if len(segments) > 1 and self._happens(0.03):
            segments[-1]["id"] = str(segments[0]["id"])
        return segments

    def _chain(self) -> list[dict]:
        return [self._link(place, place - 1) for place in range(1, len(self._names))]

    def _diamond(self) -> list[dict]:
        if len(self._names) < 4:
            return self._chain()
        bottom, left, right, top = sorted(self._chance.sample(range(len(self._names)), 4))
        return [self._link(*link) for link in [(top, left), (top, right), (left, bottom), (right, bottom)]]

    def _ring(self) -> list[dict]:
        """Each feature of a group that may have cycles depends on the next, the last on the first."""
        places = range(len(self._names))
        cyclic = [place for place in places if self._readable_counts[place] > place]
        if not cyclic:
            return self._chain()
        end = self._readable_counts[self._chance.choice(cyclic)]
        group = [place for place in cyclic if self._readable_counts[place] == end]
        return [self._link(place, group[(number + 1) % len(group)]) for number, place in enumerate(group)]

    def _link(self, dependent: int, prerequisite: int) -> dict:
        conditions = [self._flag_condition([self._names[prerequisite]])]
        if self._happens(0.3):
            conditions.insert(self._chance.randint(0, 1), self._other_condition())
        rule = {"type": self._kind(), "conditions": conditions, "rules": []}
        return self._segment([dependent], [rule])

    def _core_form(self) -> list[dict]:
        """The segments that Flagsmith writes for its users: off while the prerequisite is not on."""
        segments = []
        for dependent in range(1, len(self._names)):
            prerequisite = self._names[self._chance.randrange(dependent)]
            property_ = pools.path(self._chance, prerequisite, ["enabled"])
            condition = {"property_": property_, "operator": "NOT_EQUAL", "value": "true"}
            inner = {"type": "ANY", "conditions": [condition], "rules": []}
            segment = self._segment([dependent], [{"type": "ALL", "conditions": [], "rules": [inner]}])
            segment["feature_states"][0].update(enabled=False, feature_segment={"priority": 0})
            segments.append(segment)
        return segments

    def _segment(self, overridden: list[int], rules: list[dict]) -> dict:
        states = [self._feature_state(self._names[place], override=True) for place in overridden]
        if self._happens(0.05):
            states.append(self._feature_state(pools.MISSING_NAME, override=True))
        if self._happens(0.05):
            states.append(self._feature_state(self._names[overridden[0]], override=True))
        name = f"segment {self._next()}"
        return {"id": 0, "name": name, "rules": rules, "feature_states": states}

    def _rules(self, readable: list[str]) -> list[dict]:
        count = self._chance.choice([1, 1, 1, 2, 2, 0 if self._happens(0.3) else 1])
        return [self._rule(readable, 2) for _ in range(count)]

    def _rule(self, readable: list[str], depth: int) -> dict:
        chance = self._chance
        conditions = [self._condition(readable) for _ in range(chance.choice([0, 1, 1, 2, 3]))]
        nested = chance.choice([0, 0, 1, 2]) if depth else 0
        rule = {"type": self._kind(), "conditions": conditions}
        if nested or self._happens(0.8):
            rule["rules"] = [self._rule(readable, depth - 1) for _ in range(nested)]
        return rule

    def _kind(self) -> str:
        if not self._settings.dependencies and self._happens(0.02):
            return "SOME"
        return self._chance.choice(["ALL", "ALL", "ANY", "ANY", "NONE"])

    def _condition(self, readable: list[str]) -> dict:
        if self._settings.dependencies and self._happens(0.6):
            if self._happens(0.05):
                readable = [pools.MISSING_NAME]
            if readable:
                return self._flag_condition(readable)
        return self._other_condition()

    def _flag_condition(self, readable: list[str]) -> dict:
        chance = self._chance
        members = chance.choice(pools.MEMBERS)
        if self._settings.undocumented and self._happens(0.2):
            members = chance.choice(pools.UNDOCUMENTED_MEMBERS)
        property_ = pools.path(chance, chance.choice(readable), members)
        self._properties.append(property_)
        operator = chance.choice(pools.OPERATORS)
        operands = pools.MEMBER_OPERANDS.get((members or [""])[0], pools.TEXTS)
        if self._happens(0.5) or operator not in pools.COMPARISONS:
            operands = pools.OPERANDS.get(operator, operands)
        if self._happens(0.01):
            operator = pools.UNKNOWN_OPERATOR
        return {"property_": property_, "operator": operator, "value": chance.choice(operands)}

    def _other_condition(self) -> dict:
        """A condition on a trait, or on what else a path reads."""
        chance = self._chance
        if not self._happens(0.25):
            property_ = chance.choice(["plan", "plan", "age", *pools.TRAIT_KEYS])
        elif self._happens(0.5):
            property_ = chance.choice(pools.OTHER_PROPERTIES)
        else:
            # The environment's own state, whatever the flag becomes.
            member = chance.choice(["enabled", "value"])
            property_ = pools.path(chance, chance.choice(self._names), [member]).replace("flags", "features", 1)
        self._properties.append(property_)
        operator = chance.choice(pools.OPERATORS)
        operands = pools.OPERANDS.get(operator, pools.TEXTS + pools.ODD_TEXTS + pools.NUMBERS + pools.SEMVERS)
        if self._happens(0.03):
            operands = pools.FAILING_OPERANDS.get(operator, operands)
        return {"property_": property_, "operator": operator, "value": chance.choice(operands)}

    def _feature_state(self, name: str, override: bool = False) -> dict:
        chance = self._chance
        id_ = 100 + self._names.index(name) if name in self._names else 99
        kind = self._kinds.get(name, "STANDARD")
        if override and self._happens(0.02):
            id_ = 100
        state = {
            "feature": {"id": id_, "name": name, "type": kind},
            "enabled": self._happens(0.5),
            "feature_state_value": self._value(),
            "multivariate_feature_state_values": self._multivariate_values() if kind == "MULTIVARIATE" else [],
        }
        if self._happens(0.5):
            state["django_id"] = self._next()
        if "django_id" not in state or self._happens(0.5):
            state["featurestate_uuid"] = self._uuid()
        if override:
            priority = chance.choice([0, 0, 1, 1, 2, 3, -2, 0.5, None, "missing", "missing", "empty"])
            if priority != "missing":
                state["feature_segment"] = {} if priority == "empty" else {"priority": priority}
        return state

    def _value(self) -> object:
        return self._chance.choice(pools.ODD_VALUES if self._happens(0.1) else pools.VALUES)

    def _multivariate_values(self) -> list[dict]:
        chance = self._chance
        values = []
        for _ in range(chance.choice([0, 1, 2, 2, 3])):
            option = {"id": self._next(), "value": self._value()}
            if not self._happens(0.25):
                option["key"] = None if self._happens(0.15) else chance.choice(pools.OPTION_KEYS)
            values.append(
                {
                    "id": chance.choice([chance.randint(1, 20), None]),
                    "mv_fs_value_uuid": self._uuid(),
                    "percentage_allocation": chance.choice([0, 10, 33.3, 50, 50.0, 100]),
                    "multivariate_feature_option": option,
                }
            )
        return values

    def _identity_override(self) -> dict:
        names = self._chance.sample(self._names, self._chance.choice([0, 1, 1, 2]))
        features = [self._feature_state(name) for name in names]
        return {"identifier": self._chance.choice(pools.IDENTIFIERS), "identity_features": features}

    def _identity(self) -> tuple[str | None, list[dict]]:
        chance = self._chance
        keys = [*pools.TRAIT_KEYS, "plan", "plan", "age", "age"]
        traits = []
        for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 5])):
            key = chance.choice(keys)
            if self._properties and self._happens(0.12):
                key = chance.choice(self._properties)
            traits.append({"trait_key": key, "trait_value": self._trait_value()})
        identifier = chance.choice(pools.IDENTIFIERS)
        if traits and self._happens(0.05):
            return None, traits
        return identifier, traits

    def _trait_value(self) -> object:
        chance = self._chance
        numbers = [True, False, None, -3, 0, 1, 5, 7, 10, 10**20, 1.5, 5.0, -0.0, 1e16, 1e-5]
        if self._happens(0.02):
            return chance.choice([[], [1, "a", None], {"k": ["it's", 1e16], "é": {}}])
        return chance.choice(chance.choice([pools.TEXTS, pools.TEXTS, numbers, pools.ODD_TEXTS]))

    def _happens(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))


def _request(endpoint: str, server_key: bool, identifier: str | None = None, traits: list | None = None) -> dict:
    return {"endpoint": endpoint, "server_key": server_key, "identifier": identifier, "traits": traits}
