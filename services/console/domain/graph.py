"""Which way the thread runs, and the part of the lineage that hangs on one node. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.console.domain.facts import Edge, Ref
from services.console.domain.nodes import Node

MAX_FEEDBACK = 5_000
MAX_OTHERS = 5_000


@dataclass(frozen=True)
class Directions:
    """The relations along which a walk goes on: from an edge's source to its target, and from target to source."""

    ahead: tuple[str, ...]
    back: tuple[str, ...]


# Why something is as it is: from a decision to all that it rests on. Feedback is fetched at the end, in bulk, so
# `grouped_into` is not among them. A merged problem is one with what it was merged into, so both ways are walked.
WHY = Directions(
    ahead=(
        *("about", "merged_into", "split_from", "examines", "tests", "assumes", "serves", "concludes", "reads"),
        "replaces",
    ),
    back=(
        *("merged_into", "answers", "evidence_for", "examines", "option_for", "stated_for", "assumes", "tests"),
        *("reads", "concludes", "taken_on", "supports", "refutes", "leaves_open", "replaces"),
    ),
)
# What came of something: from words to the problem, its decisions, who was told, and the review.
THEN = Directions(ahead=("grouped_into", "merged_into", "evidence_for", "answers"), back=("about", "told", "reviews"))

# A walk reaches what these relations lead to and stops there: the words of the problem that a part was split off from
# are not the reason for a decision about that part.
LAST = ("split_from", "serves")


@dataclass(frozen=True)
class Graph:
    """Nodes and the edges among them. `feedback` is the true number of pieces; more than there are nodes: truncated."""

    origin: Ref
    nodes: dict[Ref, Node]
    edges: tuple[Edge, ...]
    feedback: int
    complete: bool = True

    @property
    def truncated(self) -> bool:
        return not self.complete or self.feedback > sum(1 for about in self.nodes if about.kind == "feedback")

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes of each kind there are; of feedback the true number, even if truncated."""
        found = Counter(about.kind for about in self.nodes)
        return {**dict(sorted(found.items())), "feedback": self.feedback, "edges": len(self.edges)}

    def of_kind(self, kind: str) -> list[Node]:
        """The nodes of one kind, oldest first."""
        return self._oldest_first(about for about in self.nodes if about.kind == kind)

    def sources(self, target: Ref, relation: str) -> list[Node]:
        """The nodes that stand in `relation` to `target`, oldest first."""
        found = {edge.source for edge in self.edges if edge.target == target and edge.relation == relation}
        return self._oldest_first(found)

    def targets(self, source: Ref, relation: str) -> list[Node]:
        """The nodes to which `source` stands in `relation`, oldest first."""
        found = {edge.target for edge in self.edges if edge.source == source and edge.relation == relation}
        return self._oldest_first(found)

    def _oldest_first(self, refs: Iterable[Ref]) -> list[Node]:
        found = [self.nodes[about] for about in refs if about in self.nodes]
        return sorted(found, key=lambda node: (node.at is None, node.at or node.ref, node.ref))


@dataclass
class Reached:
    """The state of a walk: what was reached, and where to go on from. Bounded by MAX_OTHERS."""

    seen: set[Ref]
    frontier: set[Ref] = field(default_factory=set)
    last: set[Ref] = field(default_factory=set)
    complete: bool = True

    def step(self, found: list[tuple[str, Ref]]) -> None:
        """Take the (relation, node) pairs beyond the frontier in; the next frontier is what is new among them."""
        fresh = {about for relation, about in found if relation not in LAST} - self.seen
        room = MAX_OTHERS - len(self.seen) - len(self.last)
        if len(fresh) > room:
            fresh, self.complete = set(sorted(fresh)[: max(0, room)]), False
        self.seen |= fresh
        self.last = (self.last | {about for relation, about in found if relation in LAST}) - self.seen
        self.frontier = fresh
