"""Who may call what: keys, scopes, and other workspaces, for every call that there is.

The calls are read from the services themselves. One that is added later takes part at once, or fails
`test_every_call_takes_part` until it has an example in bodies.py.
"""

import json
from uuid import uuid4

import pytest

from contracts.catalog import SERVICES
from libs.runtime.keys import SCOPES
from tests.flow.bad_input.asking import CALLS, LISTS, TAKES_BODY, WITH_ID, each, good_body, send, without_ids
from tests.flow.bad_input.bodies import WITHOUT_BODY, bodies
from tests.flow.bad_input.platform import Platform
from tests.flow.bad_input.routes import Call
from tests.flow.bad_input.seed import Seeded
from tests.support.up import until


def test_every_call_takes_part(victim: Seeded) -> None:
    assert {str(call) for call in TAKES_BODY} == set(bodies(victim.ids))
    assert {str(call) for call in CALLS} >= WITHOUT_BODY
    assert {call.scope for call in CALLS} <= set(SCOPES)
    for call in CALLS:
        assert "{" not in victim.path(call.path, call.service)


@each(CALLS)
def test_no_key_and_wrong_keys(platform: Platform, victim: Seeded, call: Call) -> None:
    content, headers = good_body(call, victim)
    wrong = ["", "Basic YTpi", "Bearer", f"Bearer {victim.key}x", f"Token {victim.key}", "Bearer \xff\xfe"]
    with platform.nothing_stored(victim.workspace):
        for authorization in wrong:
            sent = {**headers, "Authorization": authorization.encode("latin-1")}
            answer = platform.call(call.method, victim.path(call.path, call.service), content=content, headers=sent)
            platform.refused(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_opens_only_what_its_scopes_say(platform: Platform, victim: Seeded) -> None:
    allowed = [scope for scope in SCOPES if not scope.endswith("*") and scope != "admin"]
    keys = {scope: platform.key(victim.workspace, scope) for scope in allowed}
    with platform.nothing_stored(victim.workspace):
        for call in CALLS:
            content, headers = good_body(call, victim)
            path = victim.path(call.path, call.service)
            for scope in allowed:
                if scope == call.scope:
                    continue
                answer = platform.call(call.method, path, key=keys[scope], content=content, headers=headers)
                assert platform.refused(answer, 403, "forbidden")["needed"] == call.scope


def test_a_revoked_key_is_refused_by_every_service_within_a_second(platform: Platform, victim: Seeded) -> None:
    key = platform.key(victim.workspace, "admin")
    platform.revoke(key)
    until(lambda: not any(platform.knows(service, key) for service in SERVICES), 1.0, "no service knows the key")
    for call in CALLS:
        answer = platform.call(call.method, victim.path(call.path, call.service), key=key)
        platform.refused(answer, 401, "unauthenticated")


@each(WITH_ID)
def test_another_workspaces_things_do_not_exist(
    platform: Platform, victim: Seeded, stranger: Seeded, call: Call
) -> None:
    """Whoever asks for them learns as much as about an id that was never given out: nothing."""
    platform.secrets -= {stranger.workspace, stranger.secret}
    content, headers = good_body(call, stranger)
    unknown = dict.fromkeys(victim.ids, str(uuid4())) | {"identity": str(uuid4()), "question": "why"}
    with platform.nothing_stored(victim.workspace, stranger.workspace):
        said = []
        for path in (victim.path(call.path, call.service), stranger.path(call.path, call.service, **unknown)):
            answer = platform.call(call.method, path, key=stranger.key, content=content, headers=headers)
            said.append(platform.refused(answer, 404, "not-found"))
    assert without_ids(said[0]) == without_ids(said[1])


_FOREIGN = [
    ("POST /v1/problems/{problem_id}/merge", "into", "other_problem_id"),
    ("POST /v1/problems/{problem_id}/split", "feedback.0", "feedback_id"),
    ("POST /v1/feedback/{feedback_id}/move", "to", "other_problem_id"),
    ("PUT /v1/problems/{problem_id}/brief/{question}", "evidence.0.ref", "feedback_id"),
    ("POST /v1/experiments", "problem_id", "problem_id"),
    ("POST /v1/experiments", "assumption_id", "assumption_id"),
    ("PUT /v1/experiments/{experiment_id}", "problem_id", "problem_id"),
    ("PUT /v1/experiments/{experiment_id}", "assumption_id", "assumption_id"),
    ("POST /v1/decisions", "objective_ids.0", "objective_id"),
]


@pytest.mark.parametrize("foreign", _FOREIGN, ids=lambda foreign: f"{foreign[0]} {foreign[1]}")
def test_another_workspaces_ids_in_a_body(
    platform: Platform, victim: Seeded, stranger: Seeded, foreign: tuple[str, str, str]
) -> None:
    name, where, what = foreign
    call = next(call for call in CALLS if str(call) == name)
    body = bodies(stranger.ids)[name][0]
    changed = json.loads(json.dumps(body.good))
    part, *steps = changed, *where.split(".")
    for step in steps[:-1]:
        part = part[int(step) if step.isdigit() else step]
    part[int(steps[-1]) if steps[-1].isdigit() else steps[-1]] = victim.ids[what]
    with platform.nothing_stored(victim.workspace, stranger.workspace):
        answer = send(platform, call, stranger, json.dumps(changed).encode(), body)
        platform.refused(answer, (404, 422))


def test_lists_hold_nothing_of_another_workspace(platform: Platform, victim: Seeded, stranger: Seeded) -> None:
    for call in LISTS:
        narrowed = [f"{name}={victim.ids[name]}" for name in call.query if name in victim.ids]
        for query in ("", *narrowed):
            answer = platform.call("GET", f"{call.path}?{query}", key=stranger.key)
            assert answer.status_code in (200, 404), answer.text
            assert victim.secret not in answer.text
            assert victim.workspace not in answer.text
    own = platform.call("GET", "/v1/problems", key=victim.key)
    assert victim.secret in own.text  # or the test would look for what is nowhere
