"""A workspace with one of everything, full of words that nobody else may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import sleep
from typing import Any
from uuid import uuid4

from contracts.catalog import SERVICES
from tests.flow.bad_input.platform import Platform
from tests.support.up import until

AT = "2026-11-01T09:30:00Z"


@dataclass(frozen=True)
class Seeded:
    """The workspace, a key that may do everything there, and the id of one thing for each path parameter."""

    workspace: str
    key: str
    secret: str
    ids: Mapping[str, str]

    def path(self, path: str, service: str, **instead: str) -> str:
        """The path with this workspace's ids, or others, in it. Fails for a parameter that nobody thought of."""
        known = {**self.ids, "identity": self.ids[f"letter:{service}"], **instead}
        if path.startswith("/v1/lineage/"):
            known = {"kind": "decision", "identity": self.ids["decision_id"], **instead}
        return path.format_map(known)


def seed(platform: Platform, name: str, hook: str) -> Seeded:
    """Tell a small story and wait until every service has heard all of it."""
    workspace, secret = f"{name}-{uuid4().hex[:8]}", f"zanzibar{uuid4().hex[:10]}"
    key = platform.key(workspace, "admin")
    platform.secrets |= {secret, workspace}

    def ask(method: str, path: str, body: Any = None) -> Any:
        return platform.ask(method, path, key, body)

    ids = {"question": "why", **_subscriptions(ask, secret, hook), **_words(ask, secret)}
    until(lambda: len(_problems(ask)) == 2, 20, "two problems")
    ids |= {"problem_id": _problems(ask)[0]["id"], "other_problem_id": _problems(ask)[1]["id"]}
    until(lambda: _known(platform, key, ids), 20, "experiments knows the problem")
    ids |= _experiment(ask, ids, secret) | _decision(ask, ids, secret)
    until(lambda: bool(_told(ask)), 20, "a notification was delivered")
    ids["delivery_id"] = _told(ask)[0]["id"]
    ids |= {f"letter:{service}": _dead_letter(platform, service, workspace, secret) for service in SERVICES}
    _until_quiet(platform, workspace)
    return Seeded(workspace, key, secret, ids)


def _words(ask: Any, secret: str) -> dict[str, str]:
    said = [
        f"{secret} reminders arrive an hour late since the clocks changed",
        f"{secret} the reminders arrive one hour late, since clocks changed",
        "Export of invoices loses the tax column for my accountant",
        "Export of invoices loses the tax column, my accountant complains",
    ]
    items = [
        {
            "text": text,
            "source": "desk",
            "external_id": f"T-{n}",
            "customer": {"id": f"c-{n}", "contact": f"{secret}@x"},
        }
        for n, text in enumerate(said)
    ]
    accepted = ask("POST", "/v1/feedback", items)["items"]
    links = f"http://{secret}.example http://b.example http://c.example http://d.example"
    held = ask("POST", "/v1/feedback", {"text": links, "source": "in-app"})["items"][0]
    assert held["status"] == "quarantined"
    return {"feedback_id": accepted[0]["id"], "held_id": held["id"], "regrouping_id": str(uuid4())}


def _subscriptions(ask: Any, secret: str, hook: str) -> dict[str, str]:
    wanted = {"name": secret, "channel": "webhook", "url": hook, "filter": {"types": ["decision.*"]}}
    made = ask("POST", "/v1/subscriptions", wanted)
    objective = ask("POST", "/v1/objectives", {"name": f"{secret} objective", "weight": 2})
    return {"subscription_id": made["id"], "objective_id": objective["id"]}


def plan(problem_id: str, key: str) -> dict[str, Any]:
    return {
        "key": key,
        "problem_id": problem_id,
        "hypothesis": "Saying the time zone halves the complaints",
        "primary_metric": {"name": "complained", "kind": "conversion", "direction": "decrease"},
        "arms": [{"name": "now", "weight": 1}, {"name": "zone", "weight": 1}],
        "baseline": 0.2,
        "minimum_detectable_effect": 0.05,
        "guardrails": [{"metric": {"name": "seconds", "kind": "mean", "direction": "decrease"}, "margin": 2.5}],
        "alpha": 0.05,
        "power": 0.8,
        "kind": "ab",
        "minimum_days": 7,
        "outcome_window_days": 7,
        "look_back_days": 14,
        "alternative_effect": 0.03,
        "units_per_day": 400,
    }


def _experiment(ask: Any, ids: Mapping[str, str], secret: str) -> dict[str, str]:
    about = f"/v1/problems/{ids['problem_id']}/options"
    option = ask("POST", about, {"kind": "build", "title": f"{secret} option"})["id"]
    stated = {"risk": "value", "statement": f"{secret} assumption", "importance": 3}
    assumption = ask("POST", f"/v1/options/{option}/assumptions", stated)["id"]
    about_it = {"hypothesis": f"{secret} hypothesis", "assumption_id": assumption}
    draft = ask("POST", "/v1/experiments", plan(ids["problem_id"], "zones") | about_it)
    asking = {"kind": "interview", "guardrails": [], "look_back_days": None, "assumption_id": assumption}
    talks = plan(ids["problem_id"], "talks") | asking
    talks |= {"arms": [{"name": "asked", "weight": 1}]}
    talks_id = ask("POST", "/v1/experiments", talks)["id"]
    ask("POST", f"/v1/experiments/{talks_id}/start")
    finding = ask("POST", f"/v1/experiments/{talks_id}/findings", {"asked": 5, "agreed": 3, "note": f"{secret} note"})
    known = {"says": "supports", "note": f"{secret} known"}
    ask("POST", f"/v1/assumptions/{assumption}/evidence", known)
    found = {"option_id": option, "assumption_id": assumption, "experiment_id": draft["id"]}
    return found | {"finding_id": finding["id"]}


def _decision(ask: Any, ids: Mapping[str, str], secret: str) -> dict[str, str]:
    proposal = {
        "problem_id": ids["problem_id"],
        "title": f"{secret} decision",
        "choice": f"{secret} choice",
        "reason": f"{secret} reason",
        "evidence": [{"kind": "feedback", "ref": ids["feedback_id"]}],
    }
    return {"decision_id": ask("POST", "/v1/decisions", proposal)["id"]}


def _problems(ask: Any) -> list[Any]:
    return ask("GET", "/v1/problems?sort=reports")["items"]


def _told(ask: Any) -> list[Any]:
    return ask("GET", "/v1/deliveries?status=delivered")["items"]


def _known(platform: Platform, key: str, ids: Mapping[str, str]) -> bool:
    return platform.call("GET", f"/v1/problems/{ids['problem_id']}/options", key=key).is_success


def _dead_letter(platform: Platform, service: str, workspace: str, secret: str) -> str:
    """A dead letter of the service, put there directly: most services get none from outside."""
    identity = str(uuid4())
    platform.sql(
        f"INSERT INTO {service}.dead_letter (id, key, stream, stream_sequence, subject, workspace, reason, error, body,"
        " headers, attempts) VALUES ($1, $1, 'GONE', 1, 'gone', $2, 'failed', $3, $4, '{}', 5)",
        identity,
        workspace,
        secret,
        secret.encode(),
    )
    return identity


def _until_quiet(platform: Platform, workspace: str) -> None:
    """Wait for what follows from what was said, and for what triage does about it by the clock within minutes."""
    until(lambda: not _due_soon(platform, workspace), 40, "triage's jobs have looked at the workspace")
    for _ in range(40):
        before = platform.stored(workspace)
        sleep(0.75)
        if platform.stored(workspace) == before:
            return
    raise AssertionError("the workspace does not come to rest")


def _due_soon(platform: Platform, workspace: str) -> int:
    tables = ("trend", "portrait", "grouping_due")
    due = " UNION ALL ".join(f"SELECT due_at FROM triage.{table} WHERE workspace = $1" for table in tables)
    query = f"SELECT count(*) FROM ({due}) AS planned WHERE due_at < now() + interval '10 minutes'"
    return int(platform.sql(query, workspace)[0][0])
