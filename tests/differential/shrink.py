"""Makes a case that differs smaller, as long as it differs."""

import copy
from collections.abc import Callable, Iterator

# Members that may be taken away; a document is still valid without them.
_OPTIONAL = ("feature_segment", "featurestate_uuid", "identity_overrides", "rules", "type")


def shrink(case: dict, differs: Callable[[dict], bool]) -> dict:
    """The smallest case that still differs and can be reached by taking away one thing at a time."""
    smaller = True
    while smaller:
        smaller = False
        for taken in _all_smaller(case):
            if differs(taken):
                case = taken
                smaller = True
                break
    return case


def _all_smaller(case: dict) -> Iterator[dict]:
    """Each case that lacks one thing: a request, segment, feature, rule, condition or trait."""
    if len(case["requests"]) > 1:
        for request in case["requests"]:
            yield {**case, "requests": [request]}
    # The larger parts first: whole segments before their conditions.
    places = sorted(_places(case, ()), key=len)
    for place in places:
        smaller = copy.deepcopy(case)
        inside = smaller
        for step in place[:-1]:
            inside = inside[step]
        if place[-1] == "rules" and "type" not in inside:
            # The rules of a segment are required; those of a rule are not.
            continue
        del inside[place[-1]]
        yield smaller


def _places(value: object, place: tuple) -> Iterator[tuple]:
    """Where list elements and optional members are."""
    if isinstance(value, list):
        for number, element in enumerate(value):
            if len(place) > 1 or number > 0:
                yield (*place, number)
            yield from _places(element, (*place, number))
    elif isinstance(value, dict):
        for name, member in value.items():
            if name in _OPTIONAL and not (name == "type" and "conditions" in value):
                if name != "featurestate_uuid" or value.get("django_id"):
                    yield (*place, name)
            if name not in ("feature_state_value", "value", "trait_value"):
                yield from _places(member, (*place, name))
