"""The facts in events about problems: their statement, brief and weight, and how they were corrected."""

from contracts.problems import (
    EvidenceGapFound,
    ProblemBriefChanged,
    ProblemDescribed,
    ProblemGrew,
    ProblemMerged,
    ProblemOpened,
    ProblemPriorityChanged,
    ProblemSplit,
    ProblemSurged,
    ProblemUnmerged,
)
from services.console.domain.facts import (
    PROVISIONAL,
    Edge,
    Fact,
    Stamp,
    answer_ref,
    evidence_facts,
    evidence_notes,
    evidence_ref,
    ref,
)


def opened(event: ProblemOpened, stamp: Stamp) -> list[Fact]:
    about = ref("problem", event.problem_id)
    return [
        Fact(about, "statement", stamp, {"statement": event.statement}),
        Fact(about, "opened", stamp, {"at": stamp.at.isoformat(), "first_feedback": str(event.first_feedback_id)}),
    ]


def grew(event: ProblemGrew, stamp: Stamp) -> list[Fact]:
    about = ref("problem", event.problem_id)
    return [
        Fact(about, "statement", stamp, {"statement": event.statement}),
        Fact(about, "size", stamp, {"reports": event.reports, "customers": event.customers}),
    ]


def merged(event: ProblemMerged, stamp: Stamp) -> list[Fact]:
    about, into = ref("problem", event.problem_id), ref("problem", event.into)
    content = {"into": into.id, "by": event.merged_by, "reason": event.reason}
    return [Fact(about, "merged", stamp, content, (Edge(about, "merged_into", into),))]


def unmerged(event: ProblemUnmerged, stamp: Stamp) -> list[Fact]:
    """Its facet is emptied rather than left out, so that a merge that is told late does not come back."""
    about = ref("problem", event.problem_id)
    return [Fact(about, "merged", stamp), Fact(about, "statement", stamp, {"statement": event.statement})]


def split(event: ProblemSplit, stamp: Stamp) -> list[Fact]:
    """The new problem; its statement gives way to anything that it says of itself.

    Which feedback went along is left to feedback.triaged: the two events' sequences cannot be compared.
    """
    about, parent = ref("problem", event.new_problem_id), ref("problem", event.problem_id)
    provisional = Stamp(PROVISIONAL, stamp.at, stamp.event)
    content = {"by": event.split_by, "at": stamp.at.isoformat()}
    return [
        Fact(about, "statement", provisional, {"statement": event.statement}),
        Fact(about, "split", stamp, content, (Edge(about, "split_from", parent),)),
    ]


def brief_changed(event: ProblemBriefChanged, stamp: Stamp) -> list[Fact]:
    problem, about = ref("problem", event.problem_id), answer_ref(event.problem_id, event.question)
    content = {
        "question": event.question,
        "answer": event.answer,
        "assumption": event.assumption,
        "by": event.changed_by,
        "at": stamp.at.isoformat(),
        "notes": evidence_notes(event.evidence),
    }
    evidence = (Edge(evidence_ref(item), "evidence_for", about) for item in event.evidence)
    return [
        Fact(about, "answer", stamp, content, (Edge(about, "answers", problem), *evidence)),
        Fact(problem, "clarity", stamp, {"clarity": event.clarity}),
        *evidence_facts(event.evidence, stamp),
    ]


def priority_changed(event: ProblemPriorityChanged, stamp: Stamp) -> list[Fact]:
    """The new statement and size count too: after an erasure or a correction nothing else tells them."""
    about = ref("problem", event.problem_id)
    facts = [Fact(about, "priority", stamp, event.opportunity.model_dump(mode="json"))]
    if event.statement is not None:
        facts.append(Fact(about, "statement", stamp, {"statement": event.statement}))
    if event.reports is not None and event.customers is not None:
        facts.append(Fact(about, "size", stamp, {"reports": event.reports, "customers": event.customers}))
    return facts


def described(event: ProblemDescribed, stamp: Stamp) -> list[Fact]:
    about = ref("problem", event.problem_id)
    content = {
        "terms": list(event.terms),
        "quotes": [str(quote) for quote in event.quotes],
        "request": event.request,
        "requests": event.requests,
        "signs": dict(event.signs),
        "languages": dict(event.languages),
        "name": event.name,
        "named_by": event.named_by,
    }
    return [
        Fact(about, "statement", stamp, {"statement": event.statement}),
        Fact(about, "portrait", stamp, content),
    ]


def surged(event: ProblemSurged, stamp: Stamp) -> list[Fact]:
    content = {"at": stamp.at.isoformat(), "voices": event.voices, "expected": event.expected, "weeks": event.weeks}
    return [Fact(ref("problem", event.problem_id), "surged", stamp, content)]


def gap_found(event: EvidenceGapFound, stamp: Stamp) -> list[Fact]:
    content = {"question": event.question, "week": event.week, "reason": event.reason}
    return [Fact(ref("problem", event.problem_id), f"gap:{event.question}", stamp, content)]


RULES = {
    ProblemOpened: opened,
    ProblemGrew: grew,
    ProblemMerged: merged,
    ProblemUnmerged: unmerged,
    ProblemSplit: split,
    ProblemBriefChanged: brief_changed,
    ProblemPriorityChanged: priority_changed,
    ProblemDescribed: described,
    ProblemSurged: surged,
    EvidenceGapFound: gap_found,
}
