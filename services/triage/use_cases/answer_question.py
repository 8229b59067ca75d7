"""Answer one of a problem's eight questions, with evidence or openly as an assumption."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

from contracts.event import EvidenceRef
from contracts.problems import ProblemBriefChanged
from libs.runtime.problems import Invalid
from services.triage.domain import clarity_of, unfounded
from services.triage.store.briefs import Answer
from services.triage.store.work import TriageWork
from services.triage.use_cases.find_problem import find_living_problem


async def answer_question(problem_id: UUID, answer: Answer, work: TriageWork) -> None:
    """The newest answer counts; the same answer again says nothing.

    Raises NotFound, Conflict for a merged problem, and Invalid for an unfounded answer or evidence that is not here.
    """
    await work.alone()
    await find_living_problem(problem_id, work)
    missing = unfounded(answer.evidence, answer.assumption)
    if missing:
        raise Invalid(missing, [{"at": "evidence", "error": missing}])
    await _check(answer.evidence, work)
    briefs = await work.briefs()
    answers = await briefs.answers(problem_id)
    before = answers.get(answer.question)
    if before and replace(answer, changed_by=before.changed_by, changed_at=before.changed_at) == before:
        return
    await briefs.save(problem_id, answer)
    clarity = clarity_of(one.assumption for one in {**answers, answer.question: answer}.values())
    work.record(brief_changed(problem_id, answer, clarity))


def brief_changed(problem_id: UUID, answer: Answer, clarity: float) -> ProblemBriefChanged:
    return ProblemBriefChanged(
        problem_id=problem_id,
        question=answer.question,
        answer=answer.answer,
        assumption=answer.assumption,
        clarity=clarity,
        changed_by=answer.changed_by,
        evidence=answer.evidence,
    )


async def _check(references: Sequence[EvidenceRef], work: TriageWork) -> None:
    """Feedback must be here, ids must be ids, and addresses must be web addresses: a page will link to them."""
    errors: list[dict[str, str]] = []
    feedback: dict[UUID, str] = {}
    for index, reference in enumerate(references):
        at = f"evidence.{index}.ref"
        if reference.kind == "url":
            if not _is_web_address(reference.ref):
                errors.append({"at": at, "error": "must be an http or https address"})
            continue
        try:
            identity = UUID(reference.ref)
        except ValueError:
            errors.append({"at": at, "error": f"must be the id of a {reference.kind}"})
            continue
        if reference.kind == "feedback":
            feedback[identity] = at
    known = await (await work.evidence()).find(feedback)
    errors += [
        {"at": at, "error": "there is no such feedback in this workspace"}
        for identity, at in feedback.items()
        if identity not in known
    ]
    if errors:
        raise Invalid("some evidence cannot be used; see errors", errors)


def _is_web_address(reference: str) -> bool:
    try:
        parts = urlsplit(reference)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
