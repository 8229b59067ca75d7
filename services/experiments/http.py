"""Routes of options, assumptions and experiments; those of observations are in `ingest`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from contracts.experiments import Conclusion
from libs.runtime.fields import Instant, Words
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.paging import MAX_LIMIT, decode_cursor, encode_cursor
from libs.runtime.problems import Invalid, NotFound
from services.experiments import ingest
from services.experiments.domain.experiment import Experiment, Status
from services.experiments.domain.option import Assumption, NewAssumption, NewOption, Option
from services.experiments.domain.plan import Plan
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.conclude_experiment import conclude_experiment
from services.experiments.use_cases.propose_option import propose_option
from services.experiments.use_cases.read_experiment import read_experiment
from services.experiments.use_cases.register_experiment import change_registration, register_experiment
from services.experiments.use_cases.start_experiment import start_experiment
from services.experiments.use_cases.state_assumption import state_assumption
from services.experiments.use_cases.stop_experiment import stop_experiment

router = APIRouter(route_class=Edge, tags=["experiments"])
router.include_router(ingest.router)
InTransaction = Annotated[ExperimentsWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
_MOST_ASSUMPTIONS = 1_000


class Start(BaseModel):
    """From when exposures count; now unless they are sent in afterwards."""

    model_config = ConfigDict(extra="forbid")

    counts_from: Instant | None = None


class Lesson(BaseModel):
    """What was learned; the readout's own conclusion stands unless another one is given."""

    model_config = ConfigDict(extra="forbid")

    learned: Words
    conclusion: Conclusion | None = None


@router.post("/v1/problems/{problem_id}/options", status_code=201)
@needs("experiments:write")
async def add_option(problem_id: UUID, body: NewOption, work: InTransaction) -> dict[str, Any]:
    """Propose a way to solve a problem."""
    return _option(await propose_option(problem_id, body, work), [])


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
    found = await options.of_problem(problem, after=_after(cursor), limit=limit + 1)
    assumed = await options.assumptions_of([option.id for option in found[:limit]], limit=_MOST_ASSUMPTIONS)
    views = [_option(option, [one for one in assumed if one.option_id == option.id]) for option in found]
    return _page(views, limit)


@router.post("/v1/options/{option_id}/assumptions", status_code=201)
@needs("experiments:write")
async def add_assumption(option_id: UUID, body: NewAssumption, work: InTransaction) -> dict[str, Any]:
    """State what must be true for an option to work."""
    return _assumption(await state_assumption(option_id, body, work))


@router.get("/v1/options/{option_id}/assumptions")
@needs("experiments:read")
async def list_assumptions(
    option_id: UUID, work: InTransaction, cursor: str | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """An option's assumptions, oldest first."""
    options = await work.options()
    if await options.find(option_id) is None:
        raise NotFound("option", option_id)
    found = await options.assumptions_of([option_id], after=_after(cursor), limit=limit + 1)
    return _page([_assumption(one) for one in found], limit)


@router.post("/v1/experiments", status_code=201)
@needs("experiments:write")
async def register(body: Plan, work: InTransaction) -> dict[str, Any]:
    """Register an experiment as a draft; the units that it needs are computed and kept."""
    return _experiment(await register_experiment(body, work))


@router.put("/v1/experiments/{experiment_id}")
@needs("experiments:write")
async def change(experiment_id: UUID, body: Plan, work: InTransaction) -> dict[str, Any]:
    """Register a draft anew; after the start this is refused."""
    return _experiment(await change_registration(experiment_id, body, work))


@router.post("/v1/experiments/{experiment_id}/start")
@needs("experiments:write")
async def start(experiment_id: UUID, work: InTransaction, body: Start | None = None) -> dict[str, Any]:
    """Begin to count."""
    return _experiment(await start_experiment(experiment_id, body.counts_from if body else None, work))


@router.post("/v1/experiments/{experiment_id}/stop")
@needs("experiments:write")
async def stop(experiment_id: UUID, work: InTransaction) -> dict[str, Any]:
    """Stop counting what happens from now on."""
    return _experiment(await stop_experiment(experiment_id, work))


@router.post("/v1/experiments/{experiment_id}/conclude")
@needs("experiments:write")
async def conclude(experiment_id: UUID, body: Lesson, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Close a stopped experiment with what was learned."""
    concluded = await conclude_experiment(
        experiment_id, learned=body.learned, conclusion=body.conclusion, by=access.name, work=work
    )
    return _experiment(concluded)


@router.get("/v1/experiments")
@needs("experiments:read")
async def list_experiments(
    work: InTransaction,
    status: Status | None = None,
    problem_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Experiments, newest first."""
    found = await (await work.experiments()).listed(
        before=_after(cursor), limit=limit + 1, status=status, problem_id=problem_id
    )
    return _page([_experiment(one) for one in found], limit)


@router.get("/v1/experiments/{experiment_id}")
@needs("experiments:read")
async def show(experiment_id: UUID, work: InTransaction) -> dict[str, Any]:
    """What was registered, where in its life it is, and what was concluded."""
    experiment = await (await work.experiments()).find(experiment_id)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    return _experiment(experiment)


@router.get("/v1/experiments/{experiment_id}/readout")
@needs("experiments:read")
async def read(experiment_id: UUID, work: InTransaction) -> dict[str, Any]:
    """The numbers now, with what they do and do not say; look whenever you want."""
    experiment, readout = await read_experiment(experiment_id, work)
    about = {
        "id": experiment.id,
        "key": experiment.plan.key,
        "status": experiment.status,
        "problem_id": experiment.plan.problem_id,
        "hypothesis": experiment.plan.hypothesis,
    }
    return {"experiment": about, **readout}


def _experiment(experiment: Experiment) -> dict[str, Any]:
    concluded = experiment.conclusion or {}
    return {
        "id": experiment.id,
        "status": experiment.status,
        **experiment.plan.model_dump(mode="json"),
        "planned_units": experiment.plan.planned_units,
        "created_at": experiment.created_at,
        "counts_from": experiment.counts_from,
        "started_at": experiment.started_at,
        "stopped_at": experiment.stopped_at,
        "concluded_at": experiment.concluded_at,
        **{name: concluded.get(name) for name in ("conclusion", "learned", "concluded_by")},
    }


def _option(option: Option, assumptions: list[Assumption]) -> dict[str, Any]:
    return {
        "id": option.id,
        "problem_id": option.problem_id,
        "kind": option.kind,
        "title": option.title,
        "description": option.description,
        "created_at": option.created_at,
        "assumptions": [_assumption(one) for one in assumptions],
    }


def _assumption(assumption: Assumption) -> dict[str, Any]:
    return {
        "id": assumption.id,
        "problem_id": assumption.problem_id,
        "option_id": assumption.option_id,
        "risk": assumption.risk,
        "statement": assumption.statement,
        "importance": assumption.importance,
        "created_at": assumption.created_at,
    }


def _page(views: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """The first `limit` of `views`; one more than that means that there is a next page."""
    shown = views[:limit]
    more = len(views) > limit
    return {"items": shown, "next_cursor": encode_cursor([str(shown[-1]["id"])]) if more else None}


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    values = decode_cursor(cursor)
    try:
        return UUID(values[0])
    except (IndexError, ValueError, AttributeError, TypeError) as error:
        raise Invalid("this cursor is not one that a list gave out; begin without a cursor") from error
