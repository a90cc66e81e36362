"""Tests of the soak's parts: `python3 -B -m unittest measure.soak_tests` in `benches`. They need no proxy."""

import subprocess
import sys
import time
import unittest
from collections.abc import Callable

from . import growth
from .churn import Churn, Environment
from .growth import MIB, Holding, Series, holding
from .processes import Failed, Processes, eventually
from .upstream import Upstream


def _series(private: Callable[[float], int]) -> Series:
    series = Series()
    for sample in range(1, 101):
        at = sample / 100
        series.add(at, Holding(private(at), 10, 10))
    return series


def _grew(series: Series) -> list[str]:
    return [verdict.what for verdict in growth.verdicts({"process": series}) if verdict.grew]


class Growth(unittest.TestCase):
    def test_is_seen_when_the_floor_rises(self):
        self.assertEqual(_grew(_series(lambda at: int(100 * MIB * (1 + at)))), ["private"])

    def test_is_not_a_passing_peak_and_not_the_warming_up(self):
        peaks = _series(lambda at: 500 * MIB if int(at * 100) % 2 else 100 * MIB)
        self.assertEqual(_grew(peaks), [])
        self.assertEqual(_grew(_series(lambda at: 10 * MIB if at < 0.25 else 100 * MIB)), [])

    def test_of_descriptors_and_mappings_is_seen_too(self):
        series = Series()
        for sample in range(1, 101):
            series.add(sample / 100, Holding(0, 10 + sample, 20 + sample))
        self.assertEqual(_grew(series), ["descriptors", "mappings"])

    def test_is_measured_in_a_process_that_leaks(self):
        leak = "import os, sys\nheld = []\nfor line in sys.stdin:\n held.append(bytearray(b'x') * (16 << 20))\n"
        leak += " held.append(os.open('/dev/null', 0))\n print(flush=True)\n"
        with Processes() as processes:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            process = processes.start([sys.executable, "-c", leak], **pipes)
            found = []
            for _ in range(2):
                process.stdin.write("\n")
                process.stdin.flush()
                process.stdout.readline()
                found.append(holding(process.pid))
            process.stdout.close()
        self.assertGreaterEqual(found[1].private - found[0].private, 16 * MIB)
        self.assertEqual(found[1].descriptors - found[0].descriptors, 1)
        self.assertIsNone(holding(process.pid))

    def test_cannot_be_judged_without_samples(self):
        with self.assertRaisesRegex(ValueError, "too few samples of process"):
            growth.verdicts({"process": Series()})


class Versions(unittest.TestCase):
    def test_are_checked_against_what_was_put(self):
        environment = Environment("client_soak_00")
        with Processes() as processes:
            upstream = Upstream(processes, [], cores=None)
            for size in ("small", "reference", "readme"):
                environment.edit(upstream, size)
        second, _, _ = environment.profile("reference").version(2)
        self.assertIn(b'"api_key":"client_soak_00"', second)
        environment.check(second, 1, whole=True)
        self.assertEqual(environment.seen, 2)
        with self.assertRaisesRegex(Failed, "version 2 after 3"):
            environment.check(second, 3)
        with self.assertRaisesRegex(Failed, "version 4 after 0"):
            environment.check(b"version-000004", 0)
        with self.assertRaisesRegex(Failed, "not the document that was put"):
            environment.check(second[:-1], 0, whole=True)
        with self.assertRaisesRegex(Failed, "no version"):
            environment.check(b"[]", 0)


class Churns(unittest.TestCase):
    def test_act_until_they_are_stopped_and_report_failures(self):
        churn = Churn()
        churn.start("good", lambda: None, 0.001)
        churn.start("bad", lambda: 1 / 0, 0.001)
        eventually("both", lambda: churn.acts["good"] > 2 and churn.acts["wrong"] > 30)
        churn.stop()
        acts = dict(churn.acts)
        self.assertIn("bad: ZeroDivisionError", churn.wrong[0])
        self.assertEqual(len(churn.wrong), 20)
        self.assertEqual(acts, dict(churn.acts))

    def test_expect_broken_connections_after_a_kill_only(self):
        churn = Churn()
        self.assertFalse(churn.killed_lately())
        churn.killed_at = time.monotonic()
        self.assertTrue(churn.killed_lately())


if __name__ == "__main__":
    unittest.main()
