"""The expected answers: those of the published Python packages, in the form of the recorded answers.

`flagsmith` turns a document into an evaluation context, and `flag-engine` evaluates it: the same two steps as in the
client's local evaluation. Then follow the form of the proxy's answers and the differences that this project decided:

- `/flags/` is the environment's own state, without segments.
- An identity override matches its exact identifier only. Entries are not merged.
- A condition that raises does not match. A segment with an unknown type of rule does not match.
- A priority of null is no priority.
- The environment's `hide_disabled_flags` wins over the project's. Server-side keys see disabled flags.
- An identity without identifier, or with a blank one, is named by the SHA-256 of its traits that are not null.
- White space around identifiers and keys of traits goes. A list or an object as the value of a trait is its text.
- An identity override has multivariate values, which the packages drop.

`variant` is the engine's: the key of the option that was chosen, `control` for the value of the feature state, null
for feature states without options and for options without key.
"""

import copy
import hashlib
import json
import warnings
from collections import Counter

from flag_engine.segments import evaluator
from flagsmith.mappers import (
    _map_environment_document_feature_states_to_feature_contexts as _map_feature_states,
)
from flagsmith.mappers import map_context_and_identity_data_to_context, map_environment_document_to_context

RULE_TYPES = ("ALL", "ANY", "NONE")
CYCLE = "ERROR; code=CIRCULAR_DEPENDENCY"


class Unanswered(Exception):
    """There is no answer to compare with; says why."""


class Answers:
    """What is expected of one case."""

    def __init__(self):
        self.answers: list = []
        # For each answer the reason of each flag, hidden ones too.
        self.reasons: list[dict[str, str]] = []
        self.tally: Counter[str] = Counter()


def answers(case: dict, with_variants: bool) -> Answers:
    """The expected answers; `with_variants`: whether flags of identities have a `variant`.

    Raises `Unanswered`.
    """
    try:
        return _answers(case, with_variants)
    except Unanswered:
        raise
    except Exception as problem:
        # The packages raise errors of many types for documents that they cannot evaluate.
        raise Unanswered(f"the packages raise {type(problem).__name__}") from problem


def _answers(case: dict, with_variants: bool) -> Answers:
    document = case["document"]
    context = _context(document)
    result = Answers()
    evaluated: dict[str, dict] = {}
    for request in case["requests"]:
        if request["endpoint"] == "flags":
            flags = evaluator.get_evaluation_result({**context, "segments": {}})["flags"]
            answer = _shown(document, flags, request["server_key"], False)
        else:
            traits = [_as_counted(trait) for trait in request["traits"] or []]
            identifier = (request["identifier"] or "").strip() or _transient_identifier(traits)
            same = json.dumps([identifier, traits])
            if same not in evaluated:
                evaluated[same] = _evaluate(document, context, identifier, traits)
                result.tally.update(_kinds(evaluated[same]))
            flags = evaluated[same]
            shown = _shown(document, flags, request["server_key"], with_variants)
            answer = {"identifier": identifier, "traits": traits, "flags": shown}
        result.answers.append(answer)
        result.reasons.append({name: flag["reason"] for name, flag in flags.items()})
    return result


def _kinds(flags: dict) -> Counter[str]:
    reasons = [flag["reason"] for flag in flags.values()]
    kinds = Counter(f"flags {reason.partition(';')[0]}" for reason in reasons)
    kinds["identities"] = 1
    kinds["identities with a cycle"] = int(CYCLE in reasons)
    return kinds


def _context(document: dict) -> dict:
    """The evaluation context, without identity overrides."""
    document = copy.deepcopy({**document, "identity_overrides": []})
    for segment in document["project"]["segments"]:
        if not all(map(_is_known, segment["rules"])):
            segment["rules"] = []
        for state in segment.get("feature_states") or []:
            if (state.get("feature_segment") or {}).get("priority", 0) is None:
                state["feature_segment"] = None
    return map_environment_document_to_context(document)


def _is_known(rule: dict) -> bool:
    conditions, rules = rule.get("conditions"), rule.get("rules")
    return (rule["type"] in RULE_TYPES or not (conditions or rules)) and all(map(_is_known, rules or []))


def _evaluate(document: dict, context: dict, identifier: str, traits: list[dict]) -> dict:
    values = {trait["trait_key"]: trait["trait_value"] for trait in traits}
    context = map_context_and_identity_data_to_context(context, identifier, values)
    segments = {**context["segments"]}
    for place, entry in enumerate(document.get("identity_overrides") or []):
        if entry["identity_features"]:
            segments[f"identity override {place}"] = _identity_segment(entry, entry["identifier"] == identifier)
    return evaluator.get_evaluation_result({**context, "segments": segments})["flags"]


def _identity_segment(entry: dict, matches: bool) -> dict:
    """The segment that the packages make of an identity override; here one for each entry, matched by identifier."""
    states = sorted(entry["identity_features"], key=lambda state: state["feature"]["name"])
    overrides = [{**override, "priority": float("-inf")} for override in _map_feature_states(states)]
    # A rule without conditions matches; a segment without rules does not.
    rules = [{"type": "ALL"}] if matches else []
    return {"key": "identity override", "name": "identity_overrides", "rules": rules, "overrides": overrides}


def _as_counted(trait: dict) -> dict:
    value = trait["trait_value"]
    text = str(value) if isinstance(value, (list, dict)) else value
    return {"trait_key": trait["trait_key"].strip(), "trait_value": text}


def _transient_identifier(traits: list[dict]) -> str:
    if not traits:
        raise Unanswered("the identifier is random")
    ordered = sorted(traits, key=lambda trait: trait["trait_key"])
    set_ = [trait for trait in ordered if trait["trait_value"] is not None]
    text = "".join(f"{trait['trait_key']}{trait['trait_value']}" for trait in set_)
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(document: dict, flags: dict, server_key: bool, with_variants: bool) -> list[dict]:
    """The flags that a key may see, as answers have them."""
    project = document["project"]
    types = {state["feature"]["id"]: state["feature"].get("type", "STANDARD") for state in document["feature_states"]}
    hides = document.get("hide_disabled_flags")
    if hides is None:
        hides = project.get("hide_disabled_flags")
    secret = project.get("server_key_only_feature_ids") or []
    shown = []
    for flag in flags.values():
        id_ = flag["metadata"]["id"]
        if not server_key and (id_ in secret or (hides and not flag["enabled"])):
            continue
        answer = {
            "feature": {"id": id_, "name": flag["name"], "type": types.get(id_, "STANDARD")},
            "enabled": flag["enabled"],
            "feature_state_value": flag["value"],
        }
        if with_variants:
            answer["variant"] = flag["variant"]
        shown.append(answer)
    return shown


# Python warns of patterns whose meaning may change.
warnings.simplefilter("ignore", FutureWarning)

_matches = evaluator.context_matches_condition


def _matches_or_not(**arguments: object) -> bool:
    """A condition that raises does not match."""
    try:
        return _matches(**arguments)
    except RecursionError:
        raise
    except Exception:
        return False


evaluator.context_matches_condition = _matches_or_not
