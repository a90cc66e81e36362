"""The profiles: named documents, each with the body of an identities request."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from .documents import UPDATED_AT, UPDATED_SECOND, Maker, environment

_DOCS_BODY = ("do_it_all_in_one_go_identity", {"my_trait_key": 123, "my_other_key": True})
_LONG_BODY = (
    "user_7f3a9c21@example.com",
    {
        "plan": "enterprise",
        "country": "DE",
        "email": "jane.doe@flagsmith-customer.com",
        "age": 34,
        "logins": 182,
        "version": "4.12.1",
        "beta_tester": True,
        "device": "iphone-15-pro",
        "language": "de-DE",
        "spend": 1299.5,
        "company_size": 250,
        "role": "admin",
        "signup_source": "organic_search",
        "team": "platform-engineering",
        "session_count": 57,
    },
)
# An identity that has an override.
_OVERRIDDEN_BODY = (
    "user_05123@corp.example",
    {"plan": "enterprise", "country": "DE", "age": 34, "email": "jane@corp.example", "beta_tester": True},
)

# The value of the first feature until the document is edited.
_VALUE = "value-1-x"


@dataclass(frozen=True)
class Profile:
    """One environment: its document as upstream sends it, and the body of a request for an identity."""

    name: str
    document: bytes
    body: bytes

    @property
    def key(self) -> str:
        """The client-side key; the server-side key is `ser.` and this."""
        return f"client_{self.name}"

    def version(self, number: int) -> tuple[bytes, int, bytes]:
        """The document after its `number`th edit, the second of that edit, and the new value of the first feature."""
        value = f"version-{number:06}".encode()
        second = UPDATED_SECOND + number
        updated_at = time.strftime("%Y-%m-%dT%H:%M:%S.123456Z", time.gmtime(second))
        document = self.document.replace(_VALUE.encode(), value, 1).replace(UPDATED_AT.encode(), updated_at.encode())
        return document, second, value


def profile(name: str) -> Profile:
    """Makes one of `NAMES`."""
    return _MAKERS[name](name)


def small_environments(count: int) -> Iterable[Profile]:
    """`count` environments like `small`, each with its own key."""
    pattern = profile("small")
    for number in range(count):
        name = f"many_{number:05}"
        yield Profile(name, pattern.document.replace(b"client_small", f"client_{name}".encode()), pattern.body)


def _small(name: str) -> Profile:
    document = environment(name, 6, Maker(1001).environment_defaults(10), [], [], [])
    return Profile(name, document, _body(*_DOCS_BODY))


def _readme(name: str) -> Profile:
    document = environment(name, 7, Maker(1011).environment_defaults(50), [], [], [50])
    return Profile(name, document, _body(*_DOCS_BODY))


def _reference(name: str) -> Profile:
    maker = Maker(1061)
    defaults = maker.environment_defaults(50)
    document = environment(name, 10, defaults, maker.contested_segments(defaults), [], [50])
    return Profile(name, document, _body(*_LONG_BODY))


def _overridden(count: int, distinct: bool = False):
    return lambda name: Profile(name, _with_overrides(name, count, distinct), _body(*_OVERRIDDEN_BODY))


def _with_overrides(name: str, count: int, distinct: bool, padding: int = 0) -> bytes:
    maker = Maker(1861)
    defaults = maker.environment_defaults(50)
    segments = maker.plain_segments(defaults)
    key = f"client_{name}"
    overrides = [maker.identity_override(key, number, defaults, distinct) for number in range(count)]
    if padding:
        overrides[-1]["identity_features"][0]["feature_state_value"] = "x" * padding
    return environment(name, 10, defaults, segments, overrides, [50])


def _of_size(size: int):
    """A document of exactly `size` bytes, nearly all of it identity overrides."""

    def make(name: str) -> Profile:
        sample = len(_with_overrides(name, 1600, True)) - len(_with_overrides(name, 0, True))
        count = size * 1600 // sample - 200
        one = len(_with_overrides(name, count, True, padding=1))
        document = _with_overrides(name, count, True, padding=1 + size - one)
        return Profile(name, document, _body(*_OVERRIDDEN_BODY))

    return make


def _body(identifier: str, traits: dict) -> bytes:
    pairs = [{"trait_key": key, "trait_value": value} for key, value in traits.items()]
    return json.dumps({"identifier": identifier, "traits": pairs}, separators=(",", ":")).encode()


_MAKERS = {
    "small": _small,
    "readme": _readme,
    "reference": _reference,
    "overrides": _overridden(10_000),
    "distinct": _overridden(10_000, distinct=True),
    "overrides100k": _overridden(100_000),
    "none": _overridden(0),
    "mebibyte": _of_size(1 << 20),
    "50MB": _of_size(50_000_000),
}
NAMES = tuple(_MAKERS)
# The profiles whose requests are measured; each of the others belongs to one experiment.
LOADED = NAMES[:6]
