"""Recorded answers: holds the oracle and the engine against a file of them."""

import gzip
import json
from pathlib import Path

import oracle
from comparison import same
from proxy import Engine


def run(path: Path, engine: Engine) -> bool:
    """Compares, prints, and tells whether both agree with everything that is recorded."""
    requests, oracle_wrong, engine_wrong = 0, [], []
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            case = _without_changes(json.loads(line))
            requests += len(case["requests"])
            try:
                expected = oracle.answers(case, with_variants=True)
                oracle_wrong += _wrong(number, case, expected.answers)
                oracle_wrong += _wrong_explanations(number, case, expected)
            except oracle.Unanswered as reason:
                oracle_wrong.append(f"line {number}: {reason}")
            found = engine.answers(case)
            if isinstance(found, dict):
                engine_wrong.append(f"line {number}: {found}")
            else:
                engine_wrong += _wrong(number, case, found)
    for name, wrong in (("oracle", oracle_wrong), ("engine", engine_wrong)):
        print(f"{path.name}: {requests} requests; the {name} differs in {len(wrong)}")
        print("".join(f"  {line}\n" for line in wrong[:5]), end="")
    return not oracle_wrong and not engine_wrong


def _without_changes(case: dict) -> dict:
    """The case without what the proxy evaluates, and those that were recorded did not."""
    for entry in case["document"].get("identity_overrides") or []:
        for state in entry["identity_features"]:
            state["multivariate_feature_state_values"] = []
    identifiers = [(request, request["identifier"] or "") for request in case["requests"]]
    trimmed = [request for request, identifier in identifiers if identifier == identifier.strip()]
    return {**case, "requests": trimmed}


def _wrong(number: int, case: dict, answers: list) -> list[str]:
    wrong = []
    for request, answer in zip(case["requests"], answers, strict=True):
        response = request["response"]
        if isinstance(answer, dict) and not any("variant" in flag for flag in response["flags"]):
            # The answers were recorded before there were variants.
            flags = [{name: flag[name] for name in flag if name != "variant"} for flag in answer["flags"]]
            answer = {**answer, "flags": flags}
        if not same(answer, response):
            asked = {name: request[name] for name in ("endpoint", "server_key", "identifier", "traits")}
            wrong.append(f"line {number}, {json.dumps(asked)}\n    recorded {response}\n    answered {answer}")
    return wrong


def _wrong_explanations(number: int, case: dict, expected: oracle.Answers) -> list[str]:
    """Where the recorded reasons and variants of flags, if there are any, are not the oracle's."""
    wrong = []
    for place, request in enumerate(case["requests"]):
        if request.get("reasons", expected.reasons[place]) != expected.reasons[place]:
            wrong.append(f"line {number}: reasons {request['reasons']}, the packages give {expected.reasons[place]}")
        answer = expected.answers[place]
        if "variants" in request and isinstance(answer, dict):
            for flag in answer["flags"]:
                name, variant = flag["feature"]["name"], flag["variant"]
                if request["variants"].get(name) != variant:
                    wrong.append(f"line {number}: variant of {name}, the packages give {variant}")
    return wrong
