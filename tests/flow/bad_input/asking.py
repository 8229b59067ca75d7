"""How the tests of bad input ask: which calls there are, and one of them with everything right but what is tested."""

import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.flow.bad_input.bodies import WITHOUT_BODY, Body, bodies
from tests.flow.bad_input.platform import Platform
from tests.flow.bad_input.routes import Call, calls
from tests.flow.bad_input.seed import Seeded

CALLS = calls()
TAKES_BODY = [call for call in CALLS if call.method in ("POST", "PUT") and str(call) not in WITHOUT_BODY]
WRITES = [call for call in CALLS if call.method != "GET"]
LISTS = [call for call in CALLS if call.method == "GET" and not call.parameters]
WITH_ID = [call for call in CALLS if any(name != "question" for name in call.parameters)]

NOBODY = str(UUID(int=4 << 76 | 8 << 60))  # a well-formed id that was never given out
CURSORS: list[list[Any]] = [
    *([], [1], ["x"], [None], [NOBODY], [NOBODY, NOBODY], [[[]]], [-1], [2**63], [10**30], [True]),
    *([value, NOBODY] for value in (1e308, float("nan"), float("inf"), 10**400, -1, True, 2**31, 2**62, None, [], "1")),
    *([moment, NOBODY] for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-01-01", "x")),
    *([1.5, bad] for bad in ("\x00", "x", 5, None)),
]


def each(found: list[Call]) -> pytest.MarkDecorator:
    """Run the test once for each of these calls."""
    return pytest.mark.parametrize("call", found, ids=str)


def good_body(call: Call, seeded: Seeded) -> tuple[bytes | None, dict[str, str]]:
    """What the call would take, and the header that says what it is."""
    known = bodies(seeded.ids).get(str(call))
    return (json.dumps(known[0].good).encode(), {"Content-Type": known[0].kind}) if known else (None, {})


def send(platform: Platform, call: Call, seeded: Seeded, content: Any, body: Body) -> httpx.Response:
    """The answer to these bytes instead of the body, by somebody who may do everything."""
    path, headers = seeded.path(call.path, call.service), {"Content-Type": body.kind}
    return platform.call(call.method, path, key=seeded.key, content=content, headers=headers)


def workspace_of(key: str) -> str:
    return key.split("_")[1]


def without_ids(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "detail": re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", document["detail"])}
