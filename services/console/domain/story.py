"""A problem's and a decision's lineage in the order in which one reads it: from words to outcome. Pure."""

from dataclasses import dataclass, field

from services.console.domain.facts import Ref, answer_ref_of
from services.console.domain.graph import Graph
from services.console.domain.interval import Interval, interval_of
from services.console.domain.next_test import Examined, NextTest, riskiest
from services.console.domain.nodes import UNKNOWN, Node

FIRST_QUOTES = 5
MORE_QUOTES = 200

# The eight questions that a problem must answer, in their order, as a person asks them.
QUESTIONS = {
    "why": "Why build this?",
    "who": "Who is it for?",
    "vision": "How does it fit the vision?",
    "unique": "What makes it ours?",
    "success": "What does success look like, and how is it measured?",
    "buy": "Could we buy it instead?",
    "impact": "What does it do to users and to the business?",
    "risks": "What are the biggest risks, and how do we test them?",
}


@dataclass(frozen=True)
class Quotes:
    """What customers said: the most telling first, some more to unfold, and how much there is in all."""

    first: list[Node]
    more: list[Node]
    total: int

    @property
    def unshown(self) -> int:
        return self.total - len(self.first) - len(self.more)


@dataclass(frozen=True)
class Answer:
    """One of the eight questions; `node` is None as long as nobody answered it, `gap` tells if that was missed."""

    question: str
    asked: str
    node: Node | None
    evidence: list[tuple[Node, str]] = field(default_factory=list)
    gap: str | None = None


@dataclass(frozen=True)
class Tested:
    """An experiment with its newest interval, what it was to test, each readout that was told, and its conclusion."""

    node: Node
    interval: Interval | None
    assumptions: list[Node]
    readouts: list[Node]
    conclusion: Node | None


@dataclass(frozen=True)
class Weighed:
    """A way to solve the problem, and what would have to be true for it."""

    node: Node
    assumptions: list[Node]


@dataclass(frozen=True)
class ProblemStory:
    """A problem as a page shows it."""

    problem: Node
    merged: list[Node]
    merged_into: Node | None
    split_from: list[Node]
    quotes: Quotes
    answers: list[Answer]
    tested: list[Tested]
    options: list[Weighed]
    assumptions: list[Node]
    next_test: NextTest | None
    objectives: list[Node]
    decisions: list[Node]

    @property
    def answered(self) -> int:
        return sum(1 for answer in self.answers if answer.node)


@dataclass(frozen=True)
class DecisionStory:
    """A decision as a page shows it, with the story of the problem that it is about."""

    decision: Node
    problem: ProblemStory | None
    other_tests: list[Tested]
    evidence: list[tuple[Node, str]]
    objectives: list[Node]
    positions: list[Node]
    told: list[Node]
    reviews: list[Node]
    truncated: bool


def tell_problem(about: Ref, graph: Graph) -> ProblemStory:
    """The story of the problem `about`, which may lie anywhere in the graph."""
    family = _family(about, graph)
    into = graph.targets(about, "merged_into")
    options = [Weighed(node, graph.targets(node.ref, "assumes")) for node in _from(graph, family, "option_for")]
    assumed = {node.ref for option in options for node in option.assumptions}
    tested = [_tested(node, graph) for node in _from(graph, family, "examines")]
    stated = _from(graph, family, "stated_for")
    return ProblemStory(
        problem=graph.nodes[about],
        merged=[graph.nodes[member] for member in family if member != about and graph.nodes[member].state == "merged"],
        merged_into=into[0] if into else None,
        split_from=graph.targets(about, "split_from"),
        quotes=_quotes(family, graph),
        answers=[_answer(question, asked, about, family, graph) for question, asked in QUESTIONS.items()],
        tested=tested,
        options=options,
        assumptions=[node for node in stated if node.ref not in assumed],
        next_test=riskiest(stated, [Examined(one.node, one.assumptions, one.conclusion) for one in tested]),
        objectives=graph.targets(about, "serves"),
        decisions=_from(graph, family, "about"),
    )


def tell_decision(graph: Graph) -> DecisionStory:
    """The story of the decision that the graph hangs on."""
    about = graph.origin
    decision = graph.nodes[about]
    problems = graph.targets(about, "about")
    problem = tell_problem(_standing(problems[0].ref, graph), graph) if problems else None
    shown = {tested.node.ref for tested in problem.tested} if problem else set()
    evidence = graph.sources(about, "evidence_for")
    tests = [node for node in evidence if node.ref.kind == "experiment" and node.ref not in shown]
    rest = [node for node in evidence if node.ref.kind != "experiment"]
    return DecisionStory(
        decision=decision,
        problem=problem,
        other_tests=[_tested(node, graph) for node in tests],
        evidence=_noted(rest, decision),
        objectives=graph.targets(about, "serves"),
        positions=graph.sources(about, "taken_on"),
        told=graph.sources(about, "told"),
        reviews=graph.sources(about, "reviews"),
        truncated=graph.truncated,
    )


def _standing(about: Ref, graph: Graph) -> Ref:
    """The problem that `about` is part of today."""
    seen = {about}
    while into := [node.ref for node in graph.targets(about, "merged_into") if node.ref not in seen]:
        about = into[0]
        seen.add(about)
    return about


def _family(about: Ref, graph: Graph) -> list[Ref]:
    """The problem and all that was merged into it, at any distance."""
    family, frontier = [about], [about]
    while frontier:
        found = [node.ref for member in frontier for node in graph.sources(member, "merged_into")]
        frontier = [member for member in dict.fromkeys(found) if member not in family]
        family += frontier
    return family


def _from(graph: Graph, family: list[Ref], relation: str) -> list[Node]:
    found = [node for member in family for node in graph.sources(member, relation)]
    return list({node.ref: node for node in found}.values())


def _quotes(family: list[Ref], graph: Graph) -> Quotes:
    """Those cited as evidence first, then those that triage chose to represent the problem and differ.

    The rest are the surest of the grouping, each source and segment once before any twice.
    """
    found = _from(graph, family, "grouped_into")
    drawn = graph.nodes[family[0]].attributes.get("portrait", {}).get("quotes", ())
    central = {quote: place for place, quote in enumerate(drawn)}
    cited = {edge.source for edge in graph.edges if edge.relation == "evidence_for" and edge.source.kind == "feedback"}
    legible = [node for node in found if node.text]
    legible.sort(key=lambda node: (node.ref not in cited, -float(node.attributes.get("score", 0)), node.ref))
    seen: dict[tuple[object, object], int] = {}
    rounds: dict[Ref, int] = {}
    for node in legible:
        voice = (node.attributes.get("source"), node.attributes.get("segment"))
        rounds[node.ref] = seen[voice] = seen.get(voice, -1) + 1
    legible.sort(key=lambda node: (node.ref not in cited, central.get(node.ref.id, len(central)), rounds[node.ref]))
    ordered = legible + [node for node in found if not node.text]
    shown = graph.feedback - sum(1 for about in graph.nodes if about.kind == "feedback") + len(found)
    return Quotes(ordered[:FIRST_QUOTES], ordered[FIRST_QUOTES : FIRST_QUOTES + MORE_QUOTES], shown)


def _answer(question: str, asked: str, about: Ref, family: list[Ref], graph: Graph) -> Answer:
    """The answer of the problem itself, or else of one that was merged into it."""
    refs = [answer_ref_of(member, question) for member in family]
    node = next((graph.nodes[at] for at in refs if at in graph.nodes and graph.nodes[at].state != UNKNOWN), None)
    if node is None:
        gap = graph.nodes[about].attributes.get("gaps", {}).get(question, {}).get("reason")
        return Answer(question, asked, None, gap=gap)
    return Answer(question, asked, node, _noted(graph.sources(node.ref, "evidence_for"), node))


def _noted(evidence: list[Node], by: Node) -> list[tuple[Node, str]]:
    """Each piece of evidence with what was noted about it."""
    notes = {note["ref"]: note["note"] for note in by.attributes.get("notes", ())}
    return [(node, notes.get(str(node.ref), "")) for node in evidence]


def _tested(node: Node, graph: Graph) -> Tested:
    conclusions = graph.sources(node.ref, "concludes")
    return Tested(
        node=node,
        interval=interval_of(node.attributes),
        assumptions=graph.targets(node.ref, "tests"),
        readouts=graph.sources(node.ref, "reads"),
        conclusion=conclusions[-1] if conclusions else None,
    )
