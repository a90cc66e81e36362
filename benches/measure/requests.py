"""The requests of one profile, by kind; identities requests differ from each other, so that no branch is learnt."""

import json
import re

from . import connection
from .connection import Request
from .profiles import Profile

_IDENTITIES = 1000


def in_turn(profile: Profile) -> dict[str, list[Request]]:
    """The requests of each kind that are sent in turn: one for flags, one for the document, many for identities."""
    return {
        "flags": [connection.flags(profile.key)],
        "document": [connection.document(profile.key)],
        "identities": [
            connection.identities(profile.key, _changed(profile.body, number)) for number in range(_IDENTITIES)
        ],
    }


def _changed(body: bytes, number: int) -> bytes:
    """The body with another identifier and other integers as traits, of the same length.

    An identifier with a number of five digits keeps the rest of its text, so that it still names an override.
    """
    identity = json.loads(body)
    identifier = identity["identifier"]
    found = re.search(r"\d{5}", identifier) or re.match(r".{5}", identifier)
    identity["identifier"] = f"{identifier[: found.start()]}{number:05}{identifier[found.end() :]}"
    for trait in identity["traits"]:
        value = trait["trait_value"]
        if type(value) is int:
            lowest = 10 ** (len(str(value)) - 1)
            trait["trait_value"] = lowest + (value - lowest + 7 * number) % (9 * lowest)
    return json.dumps(identity, separators=(",", ":")).encode()
