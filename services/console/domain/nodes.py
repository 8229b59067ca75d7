"""A node as people and programs read it, put together from the facets that are known of it. Pure.

A node that something points to, but of which nothing was heard yet, has the state `unknown` and no title.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.console.domain.facts import Ref

Facets = Mapping[str, Mapping[str, Any]]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the lineage. `text` are its words verbatim, `at` is when it happened, as far as that is known."""

    ref: Ref
    title: str = ""
    text: str = ""
    state: str = UNKNOWN
    at: datetime | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def node_of(about: Ref, facets: Facets) -> Node:
    """The node `about`, from its facets. A kind that has no rule here is a placeholder."""
    rule = _RULES.get(about.kind)
    return rule(about, facets) if rule and facets else Node(about)


def _feedback(about: Ref, facets: Facets) -> Node:
    words, hold = facets.get("words", {}), facets.get("hold", {})
    state = "erased" if "erased" in words else "received" if words else "quarantined" if hold.get("held") else UNKNOWN
    attributes = {key: words.get(key) for key in ("source", "segment", "plan", "language")}
    attributes |= dict(facets.get("grouping", {})) | dict(facets.get("grouping_reason", {}))
    if state == "quarantined":
        attributes["held_because"] = hold.get("reason")
    return Node(about, words.get("source") or "", words.get("text", ""), state, _time(words, "occurred_at"), attributes)


def _problem(about: Ref, facets: Facets) -> Node:
    told = {"merged": "merged", "loop": "closed", "decided": "decided"}
    state = next((state for facet, state in told.items() if facets.get(facet)), "open")
    gaps = {name.partition(":")[2]: dict(gap) for name, gap in facets.items() if name.startswith("gap:")}
    attributes = {
        **facets.get("size", {}),
        **facets.get("clarity", {}),
        **facets.get("priority", {}),
        **{name: dict(facets[name]) for name in ("merged", "split", "loop", "portrait", "surged") if facets.get(name)},
        **({"gaps": gaps} if gaps else {}),
    }
    title = _of(facets, "statement").get("statement", "")
    return Node(about, title, "", state if title or state == "merged" else UNKNOWN, _opened(facets), attributes)


def _opened(facets: Facets) -> datetime | None:
    return _time(_of(facets, "opened") or _of(facets, "split"))


def _brief_answer(about: Ref, facets: Facets) -> Node:
    content = facets["answer"]
    state = "assumption" if content["assumption"] else "evidence"
    attributes = _some(content, "question", "by", "notes")
    return Node(about, content["question"], content["answer"], state, _time(content), attributes)


def _link(about: Ref, facets: Facets) -> Node:
    return Node(about, facets["address"]["address"], "", "given")


def _option(about: Ref, facets: Facets) -> Node:
    content = facets["option"]
    return Node(about, content["title"], content["description"], content["kind"], _time(content))


def _assumption(about: Ref, facets: Facets) -> Node:
    content = facets["assumption"]
    return Node(about, content["statement"], "", "stated", _time(content), _some(content, "risk", "importance"))


def _experiment(about: Ref, facets: Facets) -> Node:
    """Also of an experiment whose start has not been heard of yet: its key and problem come with the conclusion."""
    registered, concluded = _of(facets, "registered"), _of(facets, "concluded")
    readout = concluded or _of(facets, "newest_readout")
    replaced = _of(facets, "replaced")
    state = "concluded" if concluded else "replaced" if replaced else "running"
    attributes = _some(registered or concluded, "key", "kind", "problem_id", "primary_metric", "arms", "alpha")
    attributes |= _some(registered, "planned_units", "guardrails", "version")
    attributes |= _some(readout, "problem_id", "recommendation", "rule", "units", "summary", "estimate")
    attributes |= _some(concluded, "conclusion", "learned")
    attributes |= {"replaced_by_version": replaced["version"]} if replaced else {}
    title = attributes.get("key", "")
    return Node(about, title, registered.get("hypothesis", ""), state, _time(registered or readout), attributes)


def _readout(about: Ref, facets: Facets) -> Node:
    content = facets["readout"]
    attributes = _some(content, "reason", "units", "estimate", "previous_recommendation")
    return Node(about, content["summary"], "", content["recommendation"], _time(content), attributes)


def _conclusion(about: Ref, facets: Facets) -> Node:
    content = facets["conclusion"]
    attributes = _some(content, "recommendation", "units", "estimate") | {"by": content["concluded_by"]}
    return Node(about, content["summary"], content["learned"], content["conclusion"], _time(content), attributes)


def _objective(about: Ref, facets: Facets) -> Node:
    content = facets["objective"]
    return Node(about, content["name"], content["description"], "set", _time(content), _some(content, "weight"))


def _decision(about: Ref, facets: Facets) -> Node:
    """What was made stands over what was proposed."""
    proposed, made = _of(facets, "proposed"), _of(facets, "made")
    content = made or proposed
    state = next((name for name in ("reviewed", "made", "proposed") if name in facets), UNKNOWN)
    attributes = _some(content, "reason", "alternatives", "notes", "review_on", "answer_to_concerns")
    attributes |= {"proposed_by": proposed.get("by"), "proposed_at": proposed.get("at")}
    attributes |= {"made_by": made.get("by"), "made_at": made.get("at")}
    attributes["outcome"] = _of(facets, "reviewed").get("outcome")
    return Node(about, content.get("title", ""), content.get("choice", ""), state, _time(content), attributes)


def _position(about: Ref, facets: Facets) -> Node:
    content = facets["position"]
    return Node(about, content["stakeholder"], content.get("comment", ""), content["position"], _time(content))


def _notification(about: Ref, facets: Facets) -> Node:
    content = facets["delivery"]
    state = "delivered" if content["delivered"] else "exhausted"
    attributes = _some(content, "type", "attempts", "last_error")
    return Node(about, content["subscriber"], "", state, _time(content), attributes)


def _review(about: Ref, facets: Facets) -> Node:
    content = facets["review"]
    return Node(about, content["outcome"], content["learned"], content["outcome"], _time(content), _some(content, "by"))


def _of(facets: Facets, name: str) -> Mapping[str, Any]:
    return facets.get(name, {})


def _some(content: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: content[name] for name in names if content.get(name) is not None}


def _time(content: Mapping[str, Any], name: str = "at") -> datetime | None:
    return datetime.fromisoformat(content[name]) if content.get(name) else None


_RULES: Mapping[str, Callable[[Ref, Facets], Node]] = {
    "feedback": _feedback,
    "problem": _problem,
    "brief_answer": _brief_answer,
    "link": _link,
    "option": _option,
    "assumption": _assumption,
    "experiment": _experiment,
    "readout": _readout,
    "conclusion": _conclusion,
    "objective": _objective,
    "decision": _decision,
    "position": _position,
    "notification": _notification,
    "review": _review,
}
