"""The comparison: cases through both engines, on several processes; counts, and the differences made small."""

import json
import multiprocessing
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import documents
import oracle
from proxy import Engine
from shrink import shrink

# Cases that a process takes at a time.
_CHUNK = 100
# Differences that are shown; the rest is counted.
_SHOWN = 5


@dataclass
class Plan:
    """Which cases are compared."""

    program: Path
    settings: documents.Settings
    seed: int
    first: int
    count: int
    jobs: int
    with_variants: bool


@dataclass
class Outcome:
    """What came of some cases."""

    tally: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    # The numbers of those that differ.
    differing: list[int] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        self.tally.update(other.tally)
        self.skipped.update(other.skipped)
        self.differing += other.differing


def run(plan: Plan) -> bool:
    """Compares, prints, and tells whether everything agrees."""
    start = time.monotonic()
    outcome = Outcome()
    last = plan.first + plan.count
    chunks = [range(place, min(place + _CHUNK, last)) for place in range(plan.first, last, _CHUNK)]
    with multiprocessing.Pool(plan.jobs, _start, (plan,)) as pool:
        for done, part in enumerate(pool.imap_unordered(_compare_chunk, chunks), 1):
            outcome.add(part)
            if done % 100 == 0:
                print(f"{done * _CHUNK} of {plan.count}; {len(outcome.differing)} differ", file=sys.stderr, flush=True)
    _print(outcome, time.monotonic() - start)
    engine = Engine(plan.program)
    for number in sorted(outcome.differing)[:_SHOWN]:
        case = documents.case(plan.settings, plan.seed, number)
        print(f"\n--seed {plan.seed} --first {number} --documents 1, made small:")
        show(shrink(case, lambda smaller: _difference(engine, smaller, plan) is not None), engine, plan.with_variants)
    engine.close()
    return not outcome.differing


def _print(outcome: Outcome, seconds: float) -> None:
    tally = outcome.tally
    print(f"{tally.pop('documents')} documents, {tally.pop('requests')} requests, {seconds:.0f} s")
    for name, count in sorted(tally.items()):
        print(f"  {count} {name}")
    for reason, count in sorted(outcome.skipped.items()):
        print(f"{count} skipped: {reason}")
    print(f"{len(outcome.differing)} documents differ")


# What a process of the pool works with.
_engine: Engine
_plan: Plan


def _start(plan: Plan) -> None:
    global _engine, _plan
    _engine, _plan = Engine(plan.program), plan


def _compare_chunk(numbers: range) -> Outcome:
    outcome = Outcome()
    for number in numbers:
        case = documents.case(_plan.settings, _plan.seed, number)
        try:
            expected = oracle.answers(case, _plan.with_variants)
        except oracle.Unanswered as reason:
            outcome.skipped[str(reason)] += 1
            continue
        outcome.tally.update(expected.tally, documents=1, requests=len(case["requests"]))
        if not same(_engine.answers(case), expected.answers):
            outcome.differing.append(number)
    return outcome


def _difference(engine: Engine, case: dict, plan: Plan) -> int | None:
    """The first request whose answers differ, if any; none for a case without expected answers."""
    try:
        expected = oracle.answers(case, plan.with_variants).answers
    except oracle.Unanswered:
        return None
    found = engine.answers(case)
    if isinstance(found, dict):
        # The engine refuses documents that lack a required member: shrinking must not end there.
        return 0 if "failed" in found else None
    return next((place for place, answer in enumerate(found) if not same(answer, expected[place])), None)


def same(left: object, right: object) -> bool:
    """Whether two values are the same JSON: members in order, 1 apart from 1.0 and true."""
    return json.dumps(left) == json.dumps(right)


def show(case: dict, engine: Engine, with_variants: bool) -> None:
    """Prints a case with both answers."""
    expected = oracle.answers(case, with_variants)
    found = engine.answers(case)
    print("document:", json.dumps(case["document"], ensure_ascii=False))
    for place, request in enumerate(case["requests"]):
        answer = found[place] if isinstance(found, list) else found
        if not same(answer, expected.answers[place]):
            print("request: ", json.dumps(request, ensure_ascii=False))
            print("expected:", json.dumps(expected.answers[place], ensure_ascii=False))
            print("answered:", json.dumps(answer, ensure_ascii=False))
            print("reasons: ", json.dumps(expected.reasons[place], ensure_ascii=False))
