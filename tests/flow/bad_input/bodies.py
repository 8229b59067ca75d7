"""A good body for every call that takes one, and every way in which one field of it can be wrong."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.intake.cloudevents import STRUCTURED, SUBMITTED
from tests.flow.bad_input.seed import AT, plan


@dataclass(frozen=True)
class Body:
    """A body that the call would take, the names it cannot do without, and where in it unknown names are refused.

    `free` are the parts that may hold any names (metadata), or that are not ours to judge (a CloudEvent's attributes).
    """

    good: Any
    required: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    kind: str = "application/json"
    inside: str | None = None


def feedback(**more: Any) -> dict[str, Any]:
    return {"text": "The calendar forgets my appointments", "source": "desk", **more}


_FEEDBACK = feedback(
    external_id="T-77",
    occurred_at=AT,
    customer={
        "id": "c-77",
        "segment": "practice",
        "plan": "pro",
        "revenue": {"amount_minor": 4_900, "currency": "EUR"},
        "contact": "ann@clinic.example",
        "wants_reply": True,
    },
    rating={"value": 2, "scale": 5},
    url="https://desk.example/T-77",
    language="en",
    tags=["calendar"],
    metadata={"version": "4.1"},
)
_EVENT = {"specversion": "1.0", "type": SUBMITTED, "source": "crm", "id": "e-1", "time": AT, "data": _FEEDBACK}


def bodies(ids: Mapping[str, str]) -> dict[str, list[Body]]:
    """By call, as `POST /v1/…`. A call that takes a body and is missing here fails the tests."""
    evidence = {"kind": "feedback", "ref": ids["feedback_id"], "note": "verbatim"}
    proposal = {
        "problem_id": ids["problem_id"],
        "title": "Say the time zone",
        "choice": "Show the zone beside every reminder",
        "reason": "Nobody knows which clock is meant",
        "proposed_by": "Ann",
        "assumption": False,
        "evidence": [evidence],
        "alternatives": [{"title": "Do nothing", "why_not": "They leave"}],
        "experiment_ids": [ids["experiment_id"]],
        "objective_ids": [ids["objective_id"]],
    }
    objective = {"name": "Fewer calls", "weight": 1.5, "description": "to the desk", "problem_ids": [ids["problem_id"]]}
    telling = {"types": ["decision.made"], "problem_ids": [ids["problem_id"]], "decision_ids": [ids["decision_id"]]}
    webhook = {"name": "team", "channel": "webhook", "url": "http://127.0.0.1:9/hook", "filter": telling}
    planned = plan(ids["problem_id"], "other-zones") | {"assumption_id": ids["assumption_id"]}
    needed = ("key", "problem_id", "hypothesis", "primary_metric", "arms", "baseline", "minimum_detectable_effect")
    exposed = {"experiment": "zones", "unit": "u-1", "variant": "now", "at": AT}
    measured = {"unit": "u-1", "metric": "complained", "value": 1.0, "at": AT, "ref": "call-1"}
    return {
        "POST /v1/feedback": [Body(_FEEDBACK, ("text", "source"), free=("metadata",))],
        "POST /v1/events": [Body(_EVENT, ("type", "data"), free=("", "data.metadata"), kind=STRUCTURED, inside="data")],
        "POST /v1/problems/{problem_id}/merge": [Body({"into": ids["other_problem_id"], "reason": "same"}, ("into",))],
        "POST /v1/problems/{problem_id}/split": [Body({"feedback": [ids["feedback_id"]]}, ("feedback",))],
        "POST /v1/feedback/{feedback_id}/move": [Body({"to": ids["other_problem_id"]}, ("to",))],
        "PUT /v1/problems/{problem_id}/brief/{question}": [
            Body({"answer": "Clocks change", "evidence": [evidence], "assumption": False}, ("answer",))
        ],
        "PUT /v1/settings/triage": [
            Body(
                {"segments": {"practice": 2.0}, "half_life_days": 28.0, "objectives": 1.0, "revenue": 0.5},
                free=("segments",),
            )
        ],
        "POST /v1/problems/{problem_id}/options": [
            Body({"kind": "build", "title": "Zones", "description": "beside it"}, ("kind", "title"))
        ],
        "POST /v1/options/{option_id}/assumptions": [
            Body({"risk": "value", "statement": "They read it", "importance": 3}, ("risk", "statement", "importance"))
        ],
        "POST /v1/assumptions/{assumption_id}/evidence": [
            Body({"says": "supports", "note": "Ten calls say so", "source": "the desk"}, ("says", "note"))
        ],
        "POST /v1/experiments": [Body(planned, needed)],
        "PUT /v1/experiments/{experiment_id}": [Body(planned, needed)],
        "POST /v1/experiments/{experiment_id}/revise": [
            Body({"plan": plan(ids["problem_id"], "zones"), "reason": "Too few"}, ("plan", "reason"))
        ],
        "POST /v1/experiments/{experiment_id}/findings": [
            Body({"asked": 8, "agreed": 6, "note": "at the desk"}, ("asked", "agreed"))
        ],
        "POST /v1/experiments/{experiment_id}/start": [Body({"counts_from": AT})],
        "POST /v1/experiments/{experiment_id}/conclude": [
            Body({"learned": "They do", "conclusion": "supported"}, ("learned",))
        ],
        "POST /v1/observations": [Body(exposed, tuple(exposed)), Body(measured, ("unit", "metric", "value", "at"))],
        "POST /v1/objectives": [Body(objective, ("name", "weight"))],
        "POST /v1/decisions": [Body(proposal, ("problem_id", "title", "choice", "reason"))],
        "POST /v1/decisions/{decision_id}/positions": [
            Body({"stakeholder": "Ben", "position": "concern", "comment": "Too small"}, ("stakeholder", "position"))
        ],
        "POST /v1/decisions/{decision_id}/make": [
            Body({"review_on": "2099-01-01", "made_by": "Ann", "answer_to_concerns": "Larger"}, ("review_on",))
        ],
        "POST /v1/decisions/{decision_id}/review": [
            Body({"outcome": "better", "learned": "It helps", "reviewed_by": "Ann"}, ("outcome", "learned"))
        ],
        "POST /v1/subscriptions": [Body(webhook, ("name", "channel", "filter"))],
        "POST /v1/sign-in-links": [Body({"next": "/decisions"})],
    }


# Calls that change something and read no body.
WITHOUT_BODY = {
    "POST /v1/feedback/{feedback_id}/release",
    "POST /v1/problems/{problem_id}/dismiss",
    "POST /v1/problems/{problem_id}/unmerge",
    "POST /v1/regroupings",
    "POST /v1/regroupings/preview",
    "POST /v1/regroupings/{regrouping_id}/undo",
    "POST /v1/experiments/{experiment_id}/stop",
    "POST /v1/experiments/{experiment_id}/rebuild",
    "POST /v1/experiments/{experiment_id}/findings/{finding_id}/withdraw",
    "POST /v1/subscriptions/{subscription_id}/enable",
    "POST /v1/subscriptions/{subscription_id}/test",
    "POST /v1/deliveries/{delivery_id}/replay",
    *(
        f"POST /v1/services/{service}/dead-letters/{{identity}}/replay"
        for service in ("intake", "triage", "experiments", "alignment", "console")
    ),
}

Where = tuple[str | int, ...]


def spoiled(body: Body) -> Iterator[tuple[str, bytes]]:
    """The body with one thing wrong, in every way and place: what is wrong, and the bytes to send."""
    for name in body.required:
        yield f"without {name}", _json({key: value for key, value in body.good.items() if key != name})
    for at, value in _parts(body.good):
        where = ".".join(str(step) for step in at)
        if body.inside and not where.startswith(body.inside):
            continue
        if isinstance(value, dict) and where not in body.free:
            yield f"unknown field in {where or 'the body'}", _with(body.good, (*at, "colour"), "green")
            yield f"unknown NUL field in {where}", _with(body.good, (*at, "a\x00b"), 1)
            yield f"unknown surrogate field in {where}", _with(body.good, (*at, "\ud800"), 1)
        if at and not (isinstance(at[-1], int) and isinstance(value, dict | list)):
            yield from ((f"{where} = {_shown(bad)}", _with(body.good, at, bad)) for bad in _wrong(value))


def _wrong(value: Any) -> list[Any]:
    """What cannot stand where this value stands."""
    match value:
        case bool():
            return ["yes", "true", 1, [], {}]
        case str():
            return [5, True, [], {}, "\x00", "a\x00b", "\ud800", "x" * 40_000]
        case int() | float():
            return ["5", "x", True, [], {}, 10**400, 1e308 * 10, float("nan"), -1e300]
        case list():
            return ["x", 5, {}, [None], [[]], [{"colour": 1}], ["\x00"], value * 2_000]
        case _:
            return ["x", 5, True, [], [value]]


def _parts(value: Any, at: Where = ()) -> Iterator[tuple[Where, Any]]:
    yield at, value
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in steps:
        yield from _parts(part, (*at, step))


def _with(good: Any, at: Where, bad: Any) -> bytes:
    changed = copy.deepcopy(good)
    part = changed
    for step in at[:-1]:
        part = part[step]
    part[at[-1]] = bad
    return _json(changed)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()  # lone surrogates as \\ud800, and numbers that JSON does not have by name


def _shown(value: Any) -> str:
    return repr(value)[:30]


# Bytes that are no JSON, whatever is asked for.
NO_JSON = {
    "nothing closed": b'{"text": "x"',
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "UTF-16": '{"text": "x"}'.encode("utf-16"),
    "a NUL byte": b'{"text": "\x00"}',
    "a lone surrogate": b'{"text": "\\ud800"}',
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 50_000 + b"]" * 50_000,
    "a number of 5,000 digits": b'{"text": ' + b"9" * 5_000 + b"}",
    "XML": b"<feedback/>",
    "two values": b"{}{}",
}
# JSON, but no object.
NO_OBJECT = {"a string": b'"x"', "a number": b"5", "true": b"true", "an array of numbers": b"[1]"}
