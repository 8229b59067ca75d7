"""Triage's routes: the ranked problems, one problem, its evidence, corrections, and the brief."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contracts.event import EvidenceRef
from contracts.problems import Question
from libs.runtime.fields import Flag, Instant, Number, Short, Storable, Whole, Words
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.paging import decode_cursor, encode_cursor
from libs.runtime.problems import Invalid
from services.triage import grouping_routes, views
from services.triage.domain import Weights
from services.triage.domain.worth import LONGEST_HALF_LIFE, SHORTEST_HALF_LIFE
from services.triage.grouping.words import terms_of
from services.triage.store.briefs import Answer
from services.triage.store.problems import Head
from services.triage.store.work import TriageWork
from services.triage.use_cases.answer_question import answer_question
from services.triage.use_cases.find_problem import find_problem
from services.triage.use_cases.merge_problems import merge_problems
from services.triage.use_cases.move_feedback import move_feedback
from services.triage.use_cases.read_problem import read_problem
from services.triage.use_cases.set_weights import set_weights
from services.triage.use_cases.split_problem import MOST, split_problem

router = APIRouter(route_class=Edge, tags=["problems"])
router.include_router(grouping_routes.router)
InTransaction = Annotated[TriageWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]
Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]
Sort = Literal["opportunity", "recent", "reports"]
_SORT_VALUE: dict[str, TypeAdapter[Any]] = {
    "opportunity": TypeAdapter(Number),
    "recent": TypeAdapter(Instant),
    "reports": TypeAdapter(Annotated[Whole, Field(ge=0, le=2**31 - 1)]),
}
_ID, _MOMENT = TypeAdapter(UUID), TypeAdapter(Instant)


_Weight = Annotated[Number, Field(ge=0, le=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Merge(_Body):
    into: UUID
    reason: Short = "the same problem"


class Split(_Body):
    feedback: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


class Move(_Body):
    to: UUID | None


class Reference(_Body):
    kind: Literal["feedback", "experiment", "decision", "url"]
    ref: Annotated[str, Field(min_length=1, max_length=2_000), Storable]
    note: Annotated[str, Field(max_length=500), Storable] = ""


class NewAnswer(_Body):
    answer: Words
    evidence: Annotated[list[Reference], Field(max_length=50)] = []
    assumption: Flag = False


class NewWeights(_Body):
    """Whatever is left out gets its default."""

    segments: Annotated[dict[Short, _Weight], Field(max_length=100)] = {}
    half_life_days: Annotated[Number, Field(ge=SHORTEST_HALF_LIFE, le=LONGEST_HALF_LIFE)] = Weights().half_life
    objectives: _Weight = 1.0
    revenue: _Weight = 1.0


@router.get("/v1/problems")
@needs("problems:read")
async def list_problems(
    work: InTransaction,
    *,
    sort: Sort = "opportunity",
    status: Literal["open", "decided", "merged", "dismissed"] | None = None,
    segment: Annotated[Short | None, Query()] = None,
    q: Annotated[Short | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Problems, best first; merged ones only when asked for. `q` looks into statements and the evidence's words."""
    found = await (await work.problems()).page(
        sort=sort,
        statuses=[status] if status else ["open", "decided"],
        segment=segment,
        words=q,
        stems=list(terms_of(q)) if q else (),
        after=_after(cursor, _SORT_VALUE[sort]),
        limit=limit + 1,
    )
    page = found[:limit]
    marks = await (await work.briefs()).clarities([head.problem_id for head in page])
    last = [_sort_value(page[-1], sort), str(page[-1].problem_id)] if len(found) > limit else None
    return {
        "items": [views.summary(head, marks.get(head.problem_id, ()), now=work.now) for head in page],
        "next_cursor": encode_cursor(last) if last else None,
    }


@router.get("/v1/problems/{problem_id}")
@needs("problems:read")
async def show_problem(problem_id: UUID, work: InTransaction) -> dict[str, Any]:
    """One problem with its brief; a merged one says where it went in `merged_into`."""
    return views.detail(await read_problem(problem_id, work), now=work.now)


@router.get("/v1/problems/{problem_id}/evidence")
@needs("problems:read")
async def list_evidence(
    problem_id: UUID, work: InTransaction, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, Any]:
    """A problem's quotes, newest first; those of a merged one are its survivor's."""
    head = await find_problem(problem_id, work)
    problem_id = head.merged_into or problem_id
    evidence = await work.evidence()
    found = await evidence.page(problem_id, after=_after(cursor, _MOMENT), limit=limit + 1)
    page = found[:limit]
    last = [page[-1]["occurred_at"].isoformat(), str(page[-1]["feedback_id"])] if len(found) > limit else None
    return {
        "items": [views.quote(row) for row in page],
        "next_cursor": encode_cursor(last) if last else None,
    }


@router.post("/v1/problems/{problem_id}/merge")
@needs("problems:write")
async def merge(problem_id: UUID, body: Merge, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Say that this problem is the same as another, which survives."""
    await merge_problems(problem_id, body.into, reason=body.reason, by=access.name, work=work)
    return {"id": problem_id, "merged_into": body.into}


@router.post("/v1/problems/{problem_id}/split", status_code=201)
@needs("problems:write")
async def split(problem_id: UUID, body: Split, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Say that the listed feedback is about something else."""
    new = await split_problem(problem_id, body.feedback, by=access.name, work=work)
    return {"id": new, "split_from": problem_id}


@router.post("/v1/feedback/{feedback_id}/move")
@needs("problems:write")
async def move(feedback_id: UUID, body: Move, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Say where this feedback belongs; null: to no problem."""
    await move_feedback(feedback_id, body.to, by=access.name, work=work)
    return {"feedback_id": feedback_id, "problem_id": body.to}


@router.put("/v1/problems/{problem_id}/brief/{question}")
@needs("problems:write")
async def answer(
    problem_id: UUID, question: Question, body: NewAnswer, work: InTransaction, access: Caller
) -> dict[str, Any]:
    """Answer one of the eight questions."""
    evidence = tuple(EvidenceRef(**reference.model_dump()) for reference in body.evidence)
    new = Answer(question, body.answer, body.assumption, evidence, access.name, work.now)
    await answer_question(problem_id, new, work)
    shown = await show_problem(problem_id, work)
    return {"question": question, **shown["brief"][question], "clarity": shown["clarity"]}


@router.get("/v1/settings/triage")
@needs("problems:read")
async def show_settings(work: InTransaction) -> dict[str, Any]:
    """What problems are ranked by."""
    preferences = await work.preferences()
    return views.settings(await preferences.weights(), await preferences.changed())


@router.put("/v1/settings/triage")
@needs("problems:write")
async def change_settings(body: NewWeights, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Weigh segments, age, objectives and revenue anew; `recomputing` lasts until all problems are ranked by it."""
    weights = Weights(body.segments, body.half_life_days, body.objectives, body.revenue)
    await set_weights(weights, by=access.name, work=work)
    return await show_settings(work)


def _sort_value(head: Head, sort: Sort) -> float | int | str:
    if sort == "recent":
        return head.last_seen.isoformat()
    return head.rank if sort == "opportunity" else head.standing.sums.reports


def _after(cursor: str | None, kind: TypeAdapter[Any]) -> tuple[Any, UUID] | None:
    """What a cursor of ours holds: the value sorted by, and an id."""
    if cursor is None:
        return None
    try:
        value, identity = decode_cursor(cursor)
        found: float | int | datetime = kind.validate_python(value)
        return found, _ID.validate_python(identity)
    except (ValidationError, ValueError) as error:
        raise Invalid("this cursor is not from this list; leave it out to begin anew") from error
