"""What Flagsmith's client for Python finds at the proxy whose origin is the argument, and what it reports to it."""

import sys
import time

import checks
from flagsmith import Flagsmith
from flagsmith.analytics import EventProcessorConfig

ORIGIN = sys.argv[1]
TRAITS = {
    "text": {"plan": "premium"},
    "integer": {"age": 34},
    "decimal": {"distance": 0.5},
    "boolean": {"tester": True},
}
OF_NO_SEGMENT = {"plan": "basic", "age": 17, "distance": 2.5, "tester": False}


def client(key: str = "test", **options) -> Flagsmith:
    return Flagsmith(environment_key=key, api_url=f"{ORIGIN}/api/v1/", **options)


def flags(client: Flagsmith) -> dict:
    found = client.get_environment_flags().all_flags()
    return {flag.feature_name: [flag.enabled, flag.value] for flag in found}


def greeting(client: Flagsmith, identifier: str, traits: dict | None = None, **options):
    return client.get_identity_flags(identifier, traits, **options).get_feature_value("greeting")


def by_traits(client: Flagsmith) -> dict:
    found = {kind: greeting(client, "bob", traits) for kind, traits in TRAITS.items()}
    return {
        **found,
        "null": greeting(client, "frank", {"plan": None}),
        "others": greeting(client, "carol", OF_NO_SEGMENT),
    }


def local_evaluation() -> dict:
    local = client("ser.test", enable_local_evaluation=True)
    return {
        "environment flags": flags(local),
        "identity": greeting(local, "alice"),
        "traits": by_traits(local),
    }


def analytics() -> None:
    counting = client(enable_analytics=True)
    found = counting.get_environment_flags()
    for feature in ["greeting", "greeting", "greeting", "limit"]:
        found.is_feature_enabled(feature)
    # It does so itself, ten seconds later.
    counting._analytics_processor.flush()


def events() -> None:
    config = EventProcessorConfig(events_api_url=ORIGIN)
    tracking = client(enable_events=True, event_processor_config=config)
    tracking.track_event("purchase", identifier="bob", value=3)
    # It does so itself, ten seconds later.
    tracking._event_processor.flush()


def stream() -> None:
    following.append(
        client("ser.test", enable_local_evaluation=True, enable_realtime_updates=True, realtime_api_url=ORIGIN)
    )


def edit():
    # Such a client fetches when the stream tells it to, and at no other time.
    while (found := greeting(following[0], "bob")) == "hello":
        time.sleep(0.01)
    return found


remote = client()
following: list[Flagsmith] = []
checks.run(
    {
        "environment flags": lambda: flags(remote),
        "identity": lambda: greeting(remote, "alice"),
        "transient identity": lambda: greeting(remote, "dave", {"plan": "premium"}, transient=True),
        "transient trait": lambda: greeting(
            remote, "erin", {"plan": {"value": "premium", "transient": True}, "age": 17}
        ),
        "traits": lambda: by_traits(remote),
        "local evaluation": local_evaluation,
        "analytics": analytics,
        "events": events,
        "stream": stream,
        "edit": edit,
    }
)
