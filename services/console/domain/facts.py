"""What an event says about a node: the pieces that lineage is made of. Pure.

A *fact* is the newest word on one facet of one node (a problem's `statement`, a feedback's `grouping`), with the edges
that this word draws. Of two facts about the same facet the one with the greater stamp stands. That makes lineage the
same whatever the order in which events arrive, and however often they do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts.event import EvidenceRef

# Stamps of words that no later word may replace, and of words that any other replaces.
FOREVER = 2**62
PROVISIONAL = -1


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """When a word was said: its place among its aggregate's events, then its time; the event's key settles a tie."""

    sequence: int
    at: datetime
    event: UUID


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which node: its kind and its id within the workspace. Written `kind/id`, as in CloudEvents subjects."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`source` stands in `relation` to `target`; reads as a sentence: feedback grouped_into problem."""

    source: Ref
    relation: str
    target: Ref


@dataclass(frozen=True, slots=True)
class Fact:
    """One word on one facet of a node. `content` is plain JSON; `edges` stand as long as the word does."""

    about: Ref
    facet: str
    stamp: Stamp
    content: dict[str, Any] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()


def newest(facts: Iterable[Fact]) -> list[Fact]:
    """One fact per facet, the one that stands, in the order of facets that every writer of the store keeps."""
    standing: dict[tuple[Ref, str], Fact] = {}
    for fact in facts:
        key = (fact.about, fact.facet)
        if key not in standing or fact.stamp > standing[key].stamp:
            standing[key] = fact
    return [standing[key] for key in sorted(standing)]


def ref(kind: str, identity: UUID) -> Ref:
    return Ref(kind, str(identity))


def answer_ref(problem_id: UUID, question: str) -> Ref:
    """The node of a problem's answer to one of the eight questions."""
    return answer_ref_of(ref("problem", problem_id), question)


def answer_ref_of(problem: Ref, question: str) -> Ref:
    return Ref("brief_answer", f"{problem.id}:{question}")


def position_ref(decision_id: UUID, stakeholder: str) -> Ref:
    """The node of a stakeholder's position; the name is hashed, because an id must stay short and print well."""
    return Ref("position", f"{decision_id}:{uuid5(NAMESPACE_URL, stakeholder)}")


def evidence_ref(evidence: EvidenceRef) -> Ref:
    """The node that evidence points to. What is no id of ours becomes a `link` node, identified by its hash."""
    if evidence.kind != "url":
        try:
            return ref(evidence.kind, UUID(evidence.ref))
        except ValueError:
            pass
    return Ref("link", str(uuid5(NAMESPACE_URL, evidence.ref)))


def evidence_facts(evidence: Iterable[EvidenceRef], stamp: Stamp) -> list[Fact]:
    """The link nodes among the evidence: their address is all that there is to know of them."""
    found = ((evidence_ref(item), item) for item in evidence)
    return [Fact(about, "address", stamp, {"address": item.ref}) for about, item in found if about.kind == "link"]


def evidence_notes(evidence: Iterable[EvidenceRef]) -> list[dict[str, str]]:
    """What was said of each piece of evidence, beside the edge that leads to it."""
    return [{"ref": str(evidence_ref(item)), "note": item.note} for item in evidence]
