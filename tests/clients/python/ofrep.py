"""What OpenFeature's providers for Python find at the proxy whose origin is the argument: that of OFREP, and
Flagsmith's own."""

import sys

import checks
from flagsmith import Flagsmith
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature_flagsmith.provider import FlagsmithProvider

ORIGIN = sys.argv[1]
TRAITS = {
    "text": {"plan": "premium"},
    "integer": {"age": 34},
    "decimal": {"distance": 0.5},
    "boolean": {"tester": True},
    "null": {"plan": None},
}
OF_NO_SEGMENT = {"plan": "basic", "age": 17, "distance": 2.5, "tester": False}


def client(name: str, provider):
    api.set_provider(provider, domain=name)
    return api.get_client(name)


def ofrep(name: str, headers: dict):
    return client(name, OFREPProvider(ORIGIN, headers_factory=lambda: headers))


remote = ofrep("client side", {"X-API-Key": "test"})


def greeting(client, identifier: str | None, traits: dict | None = None) -> str:
    return client.get_string_value("greeting", "default", EvaluationContext(identifier, traits or {}))


def values() -> dict:
    return {
        "greeting": remote.get_string_value("greeting", "default"),
        "limit": remote.get_integer_value("limit", 0),
        "dark_mode": remote.get_boolean_value("dark_mode", False),
        "empty": remote.get_boolean_value("empty", False),
        "beta": remote.get_string_value("beta", "default"),
        "secret": remote.get_string_value("secret", "default"),
    }


def by_traits() -> dict:
    found = {kind: greeting(remote, "bob", traits) for kind, traits in TRAITS.items()}
    return {**found, "others": greeting(remote, "carol", OF_NO_SEGMENT)}


def details() -> dict:
    found = remote.get_string_details("greeting", "default", EvaluationContext("alice"))
    return {
        "value": found.value,
        "reason": found.reason,
        "variant": found.variant,
        "metadata": dict(found.flag_metadata),
    }


def unknown() -> str:
    return remote.get_string_details("unknown", "default").error_code


def secret() -> str:
    server = ofrep("server side", {"Authorization": "Bearer ser.test"})
    return server.get_string_value("secret", "default")


def of_flagsmith() -> list:
    own = client("own", FlagsmithProvider(Flagsmith("test", api_url=f"{ORIGIN}/api/v1/")))
    return [greeting(own, None), greeting(own, "alice"), greeting(own, "bob", {"traits": {"plan": "premium"}})]


checks.run(
    {
        "values": values,
        "identity": lambda: greeting(remote, "alice"),
        "traits": by_traits,
        "traits as Flagsmith's provider sends them": lambda: greeting(remote, "bob", {"traits": {"plan": "premium"}}),
        "details": details,
        "unknown flag": unknown,
        "server-side key": secret,
        "Flagsmith's provider": of_flagsmith,
    }
)
