"""Routes that correct how evidence is grouped, and show and undo what hindsight changed."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import TypeAdapter, ValidationError

from libs.runtime.fields import Instant
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.paging import decode_cursor, encode_cursor
from libs.runtime.problems import Invalid
from services.triage.grouping.regroup import regroup
from services.triage.store.regroupings import Became, Regrouping
from services.triage.store.work import TriageWork
from services.triage.use_cases.dismiss_problem import dismiss_problem
from services.triage.use_cases.look_back import difference, look
from services.triage.use_cases.undo_regrouping import undo_regrouping
from services.triage.use_cases.unmerge_problem import unmerge_problem

router = APIRouter(route_class=Edge, tags=["problems"])
InTransaction = Annotated[TriageWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]
_ID, _MOMENT = TypeAdapter(UUID), TypeAdapter(Instant)
_SHOWN = 100


@router.post("/v1/problems/{problem_id}/dismiss")
@needs("problems:write")
async def dismiss(problem_id: UUID, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Say that this is not a problem; what is like it will open none."""
    await dismiss_problem(problem_id, by=access.name, work=work)
    return {"id": problem_id, "status": "dismissed"}


@router.post("/v1/problems/{problem_id}/unmerge")
@needs("problems:write")
async def unmerge(problem_id: UUID, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Take a merge back: this merged problem gets exactly the evidence it had."""
    survivor = await unmerge_problem(problem_id, by=access.name, work=work)
    return {"id": problem_id, "unmerged_from": survivor}


@router.get("/v1/regroupings")
@needs("problems:read")
async def list_regroupings(
    work: InTransaction,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """What was changed with hindsight, newest first."""
    regroupings = await work.regroupings()
    found = await regroupings.page(after=_after(cursor), limit=limit + 1)
    page = found[:limit]
    became = await regroupings.became([one.regrouping_id for one in page])
    last = [page[-1].at.isoformat(), str(page[-1].regrouping_id)] if len(found) > limit else None
    return {
        "items": [_shown(one, became[one.regrouping_id]) for one in page],
        "next_cursor": encode_cursor(last) if last else None,
    }


@router.post("/v1/regroupings", status_code=202)
@needs("problems:write")
async def request_regrouping(work: InTransaction, access: Caller) -> dict[str, Any]:
    """Have all evidence looked at anew, also what another embedder or algorithm grouped. It appears in the list."""
    await work.alone()
    await (await work.looks()).request(by=access.name, now=work.now)
    return {"state": "requested"}


@router.post("/v1/regroupings/preview")
@needs("problems:read", transaction=False)
async def preview_regrouping(request: Request, access: Caller) -> dict[str, Any]:
    """What looking at all evidence anew would change now; nothing is changed. Takes seconds where there is much."""
    async with request.app.state.transactions.begin(access.workspace) as work:
        seen = await look(work)
    changes = difference(seen, await asyncio.to_thread(regroup, seen.snapshot))
    return {
        "merge": [{"problem_id": one.gone, "into": one.into} for one in changes.merged[:_SHOWN]],
        "split": [
            {"problem_id": one.old, "feedback": list(one.keys[:_SHOWN]), "items": len(one.keys)}
            for one in changes.split[:_SHOWN]
        ],
        "move": [{"feedback_id": one.key, "from": one.before, "to": one.after} for one in changes.moved[:_SHOWN]],
        "totals": {"merge": len(changes.merged), "split": len(changes.split), "move": len(changes.moved)},
    }


@router.post("/v1/regroupings/{regrouping_id}/undo")
@needs("problems:write")
async def undo(regrouping_id: UUID, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Put back what it moved, but for what was moved since; it stays there."""
    return {"id": regrouping_id, "moved": await undo_regrouping(regrouping_id, by=access.name, work=work)}


def _shown(one: Regrouping, became: list[Became]) -> dict[str, Any]:
    return {
        "id": one.regrouping_id,
        "at": one.at,
        "made_by": one.made_by,
        "algorithm": one.algorithm,
        "items": one.items,
        "problems": [{"became": each.kind, "problem_id": each.problem_id, "other": each.other} for each in became],
        "undone_by": one.undone_by,
        "undone_at": one.undone_at,
    }


def _after(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        at, identity = decode_cursor(cursor)
        return _MOMENT.validate_python(at), _ID.validate_python(identity)
    except (ValidationError, ValueError) as error:
        raise Invalid("this cursor is not from this list; leave it out to begin anew") from error
