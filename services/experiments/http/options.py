"""Routes of the opportunity tree: options, what they assume, and what is known about that."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.problems import NotFound
from services.experiments.domain.evidence import NewEvidence
from services.experiments.domain.option import NewAssumption, NewOption
from services.experiments.http.paging import Limit, after, page
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.grow_tree import grow_tree
from services.experiments.use_cases.propose_option import propose_option
from services.experiments.use_cases.state_assumption import state_assumption
from services.experiments.use_cases.state_evidence import state_evidence
from services.experiments.views import assumption_view, evidence_view, option_view, tree_view

router = APIRouter(route_class=Edge, tags=["options"])
InTransaction = Annotated[ExperimentsWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]
_MOST_ASSUMPTIONS = 1_000


@router.post("/v1/problems/{problem_id}/options", status_code=201)
@needs("experiments:write")
async def add_option(problem_id: UUID, body: NewOption, work: InTransaction) -> dict[str, Any]:
    """Propose a way to solve a problem."""
    return option_view(await propose_option(problem_id, body, work), [])


@router.get("/v1/problems/{problem_id}/options")
@needs("experiments:read")
async def list_options(
    problem_id: UUID, work: InTransaction, cursor: str | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """A problem's options with their assumptions, oldest first."""
    problem = await (await work.problems()).survivor(problem_id)
    if problem is None:
        raise NotFound("problem", problem_id)
    options = await work.options()
    found = await options.of_problem(problem, after=after(cursor), limit=limit + 1)
    assumed = await options.assumptions_of([option.id for option in found[:limit]], limit=_MOST_ASSUMPTIONS)
    views = [option_view(option, [one for one in assumed if one.option_id == option.id]) for option in found]
    return page(views, limit)


@router.post("/v1/options/{option_id}/assumptions", status_code=201)
@needs("experiments:write")
async def add_assumption(option_id: UUID, body: NewAssumption, work: InTransaction) -> dict[str, Any]:
    """State what must be true for an option to work."""
    return assumption_view(await state_assumption(option_id, body, work))


@router.get("/v1/options/{option_id}/assumptions")
@needs("experiments:read")
async def list_assumptions(
    option_id: UUID, work: InTransaction, cursor: str | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """An option's assumptions, oldest first."""
    options = await work.options()
    if await options.find(option_id) is None:
        raise NotFound("option", option_id)
    found = await options.assumptions_of([option_id], after=after(cursor), limit=limit + 1)
    return page([assumption_view(one) for one in found], limit)


@router.post("/v1/assumptions/{assumption_id}/evidence", status_code=201)
@needs("experiments:write")
async def add_evidence(assumption_id: UUID, body: NewEvidence, work: InTransaction, access: Caller) -> dict[str, Any]:
    """State what is known about an assumption besides experiments."""
    return evidence_view(await state_evidence(assumption_id, body, by=access.name, work=work))


@router.get("/v1/problems/{problem_id}/tree")
@needs("experiments:read")
async def show_tree(problem_id: UUID, work: InTransaction) -> dict[str, Any]:
    """Options, their assumptions by risk with what is known, their experiments, and what to test next."""
    return tree_view(*await grow_tree(problem_id, work))
