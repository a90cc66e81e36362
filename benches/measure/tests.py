"""Tests of the load measurement: `python3 -B -m unittest measure.tests` in `benches`. They need no wrk and no proxy."""

import contextlib
import io
import json
import threading
import unittest

from . import command_line, connection, load, machine, profiles, requests, runs, table
from .documents import UPDATED_SECOND
from .processes import Failed, Processes, children, eventually
from .reach import each_worker
from .servers import Server
from .upstream import Upstream


class Profiles(unittest.TestCase):
    def test_are_the_same_everywhere(self):
        sizes = {name: len(profiles.profile(name).document) for name in profiles.NAMES[:4]}
        self.assertEqual(sizes, {"small": 3_138, "readme": 14_933, "reference": 255_011, "overrides": 6_826_415})
        self.assertEqual(profiles.profile("reference"), profiles.profile("reference"))

    def test_of_a_size_have_that_size(self):
        self.assertEqual(len(profiles.profile("mebibyte").document), 1 << 20)

    def test_carry_their_key_and_parse(self):
        for name in ("small", "reference", "mebibyte"):
            profile = profiles.profile(name)
            self.assertEqual(json.loads(profile.document)["api_key"], profile.key)
            self.assertIn("identifier", json.loads(profile.body))

    def test_contested_segments_have_fifteen_conditions_each(self):
        segments = json.loads(profiles.profile("reference").document)["project"]["segments"]
        for segment in segments:
            rules = segment["rules"][0]["rules"]
            self.assertEqual(sum(len(rule["conditions"]) for rule in rules), 15)
            self.assertEqual(len(segment["feature_states"]), 50)
        self.assertEqual(len(segments), 15)

    def test_distinct_overrides_have_no_value_twice(self):
        identities = json.loads(profiles.profile("distinct").document)["identity_overrides"]
        values = [identity["identity_features"][0]["feature_state_value"] for identity in identities]
        self.assertEqual(len(set(values)), 10_000)

    def test_overridden_identities_are_asked_for(self):
        profile = profiles.profile("overrides")
        identifier = json.loads(profile.body)["identifier"]
        identities = json.loads(profile.document)["identity_overrides"]
        self.assertIn(identifier, [identity["identifier"] for identity in identities])

    def test_identities_requests_in_turn_differ(self):
        for name in profiles.LOADED:
            profile = profiles.profile(name)
            bodies = [request.body for request in requests.in_turn(profile)["identities"]]
            self.assertEqual(len(set(bodies)), len(bodies))
            self.assertEqual({len(body) for body in bodies}, {len(profile.body)})

    def test_identities_requests_in_turn_stay_overridden(self):
        profile = profiles.profile("overrides")
        overridden = {identity["identifier"] for identity in json.loads(profile.document)["identity_overrides"]}
        for request in requests.in_turn(profile)["identities"]:
            self.assertIn(json.loads(request.body)["identifier"], overridden)

    def test_versions_differ_in_value_and_second_only(self):
        profile = profiles.profile("mebibyte")
        (first, second, value), (later, later_second, _) = profile.version(1), profile.version(3_700)
        self.assertIn(value, first)
        self.assertEqual((second, later_second), (UPDATED_SECOND + 1, UPDATED_SECOND + 3_700))
        first, later = json.loads(first), json.loads(later)
        self.assertEqual(later["updated_at"], "2026-01-15T11:31:40.123456Z")
        for document in (first, later):
            del document["updated_at"], document["feature_states"][0]["feature_state_value"]
        self.assertEqual(first, later)

    def test_many_environments_differ_in_their_keys(self):
        one, other = profiles.small_environments(2)
        self.assertNotEqual(one.key, other.key)
        self.assertEqual(json.loads(other.document)["api_key"], other.key)
        self.assertEqual(len(one.document), len(other.document))


class StubUpstream(unittest.TestCase):
    def test_serves_what_was_put_and_tells_when(self):
        profile = profiles.profile("small")
        request = connection.document(profile.key)
        with Processes() as processes:
            upstream = Upstream(processes, [profile], cores=None)
            with connection.Connection(upstream.port) as client:
                whole = client.ask(request)
                self.assertEqual((whole.status, whole.body), (200, profile.document))
                known = request.with_headers(If_Modified_Since=whole.headers["last-modified"])
                self.assertEqual(client.ask(known).status, 304)
                edited, value = upstream.edit(profile, 1)
                self.assertIn(value, client.ask(known).body)
                self.assertIsNotNone(upstream.sent_ns(profile.key, edited, 10))
                self.assertEqual(client.ask(connection.document("nobody")).status, 403)

    def test_tells_of_each_connection_in_lines_of_its_own(self):
        many = list(profiles.small_environments(200))
        with Processes() as processes:
            upstream = Upstream(processes, many, cores=None)

            def fetch(some: list[profiles.Profile]) -> None:
                with connection.Connection(upstream.port) as client:
                    for profile in some:
                        client.ask(connection.document(profile.key))

            threads = [threading.Thread(target=fetch, args=[many[start::8]]) for start in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for profile in many:
                self.assertIsNotNone(upstream.sent_ns(profile.key, UPDATED_SECOND, 10), profile.name)

    def test_is_reached_by_the_process_that_accepts(self):
        with Processes() as processes:
            upstream = Upstream(processes, [], cores=None)
            stub = Server("stub", [processes.start(["sleep", "60"])], upstream.port)
            stub.workers = lambda: [upstream.pid]
            (reached,) = each_worker(stub).items()
            self.assertEqual(reached[0], upstream.pid)
            with reached[1]:
                self.assertGreater(machine.cpu_ns([upstream.pid]), 0)


class Started(unittest.TestCase):
    def test_processes_end_with_their_block_and_their_children_too(self):
        with self.assertRaises(ZeroDivisionError), Processes(timeout=0.1) as processes:
            # A shell that does not listen, so that it has to be killed, with a child of its own.
            shell = processes.start(["sh", "-c", "trap '' TERM; sleep 60 & wait; wait"])
            (child,) = eventually("the child", lambda: children(shell.pid) or None)
            _ = 1 / 0
        self.assertIsNotNone(shell.returncode)
        eventually("the end of the child", lambda: not _runs(child))

    def test_a_command_that_fails_or_hangs_is_told(self):
        with Processes() as processes:
            with self.assertRaisesRegex(Failed, "status 3: no"):
                processes.run(["sh", "-c", "echo no; exit 3"], None, 60)
            with self.assertRaisesRegex(Failed, "did not end"):
                processes.run(["sleep", "60"], None, 0.1)


class Figures(unittest.TestCase):
    def test_rounds_go_forth_and_back(self):
        order = []

        def measurement(name):
            def measure():
                order.append(name)
                return runs.Run(10.0, 2.0, 4_000_000, 1, 2, 3)

            return measure

        taken = runs.in_turn(3, {name: measurement(name) for name in "ab"})
        self.assertEqual("".join(order), "ab" + "abbaab")
        self.assertEqual(len(taken["a"]), 3)
        self.assertEqual(runs.median(taken["a"], "per_second"), 5.0)
        self.assertEqual(runs.median(taken["a"], "cpu_us"), 400.0)

    def test_a_ratio_is_taken_within_the_round(self):
        fast, slow = (runs.Run(answers, 1.0, 1, 1, 1, 1) for answers in (100.0, 10.0))
        self.assertEqual(runs.ratio([fast, slow, fast], [fast, slow, fast], "per_second"), 1.0)
        self.assertEqual(runs.quotients([fast, slow], [slow, fast], "per_second"), [10.0, 0.1])

    def test_scripts_escape_the_special_characters_of_lua(self):
        self.assertEqual(load._quoted('a"\\\n'), '"a\\034\\092\\010"')

    def test_scripts_of_one_request_call_no_function_for_it(self):
        one, other = connection.flags("one"), connection.identities("two", b"{}")
        self.assertNotIn("function request()", load._script([one]))
        script = load._script([one, other])
        self.assertIn('{"GET","/api/v1/flags/",{["X-Environment-Key"]="one"},nil}', script)
        self.assertIn("function request()", script)

    def test_what_is_printed_is_recorded_too(self):
        printed, recorded = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(command_line._Both(printed, recorded)):
            table.show("Title", ["name"], [["a"]])
        self.assertIn("Title", printed.getvalue())
        self.assertEqual(printed.getvalue(), recorded.getvalue())

    def test_tables_are_aligned(self):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            table.show("Title", ["name", "figure"], [["a", 1234], ["bb", 5.678]], "note")
        lines = printed.getvalue().splitlines()
        self.assertEqual(lines[3:8], ["  name  figure", "  ----  ------", "  a      1,234", "  bb      5.68", ""][:5])


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
