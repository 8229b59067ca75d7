"""Routes of experiments: registration, life, readout."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict

from contracts.experiments import Conclusion
from libs.runtime.fields import Instant, Words
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.problems import NotFound
from services.experiments.domain.experiment import Status
from services.experiments.domain.plan import Plan
from services.experiments.http.paging import Limit, after, page
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.conclude_experiment import conclude_experiment
from services.experiments.use_cases.read_experiment import read_experiment
from services.experiments.use_cases.rebuild_statistics import rebuild_statistics
from services.experiments.use_cases.register_experiment import change_registration, register_experiment
from services.experiments.use_cases.revise_experiment import revise_experiment
from services.experiments.use_cases.start_experiment import start_experiment
from services.experiments.use_cases.stop_experiment import stop_experiment
from services.experiments.views import experiment_view

router = APIRouter(route_class=Edge, tags=["experiments"])
InTransaction = Annotated[ExperimentsWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]


class Start(BaseModel):
    """From when exposures count; now unless they are sent in afterwards."""

    model_config = ConfigDict(extra="forbid")

    counts_from: Instant | None = None


class Lesson(BaseModel):
    """What was learned; the readout's own conclusion stands unless another one is given."""

    model_config = ConfigDict(extra="forbid")

    learned: Words
    conclusion: Conclusion | None = None


class Revision(BaseModel):
    """The new registration, whole, and why it differs."""

    model_config = ConfigDict(extra="forbid")

    plan: Plan
    reason: Words


@router.post("/v1/experiments", status_code=201)
@needs("experiments:write")
async def register(body: Plan, work: InTransaction) -> dict[str, Any]:
    """Register an experiment as a draft; the units that it needs are computed and kept."""
    return experiment_view(await register_experiment(body, work))


@router.put("/v1/experiments/{experiment_id}")
@needs("experiments:write")
async def change(experiment_id: UUID, body: Plan, work: InTransaction) -> dict[str, Any]:
    """Register a draft anew; after the start this is refused."""
    return experiment_view(await change_registration(experiment_id, body, work))


@router.post("/v1/experiments/{experiment_id}/start")
@needs("experiments:write")
async def start(experiment_id: UUID, work: InTransaction, body: Start | None = None) -> dict[str, Any]:
    """Begin to count; a draft that names no assumption cannot."""
    return experiment_view(await start_experiment(experiment_id, body.counts_from if body else None, work))


@router.post("/v1/experiments/{experiment_id}/stop")
@needs("experiments:write")
async def stop(experiment_id: UUID, work: InTransaction) -> dict[str, Any]:
    """Stop counting what happens from now on."""
    return experiment_view(await stop_experiment(experiment_id, work))


@router.post("/v1/experiments/{experiment_id}/conclude")
@needs("experiments:write")
async def conclude(experiment_id: UUID, body: Lesson, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Close a stopped experiment with what was learned."""
    concluded = await conclude_experiment(
        experiment_id, learned=body.learned, conclusion=body.conclusion, by=access.name, work=work
    )
    return experiment_view(concluded)


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
        before=after(cursor), limit=limit + 1, status=status, problem_id=problem_id
    )
    return page([experiment_view(one) for one in found], limit)


@router.get("/v1/experiments/{experiment_id}")
@needs("experiments:read")
async def show(experiment_id: UUID, work: InTransaction) -> dict[str, Any]:
    """What was registered, where in its life it is, and what was concluded."""
    experiment = await (await work.experiments()).find(experiment_id)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    return experiment_view(experiment)


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


@router.post("/v1/experiments/{experiment_id}/revise", status_code=201)
@needs("experiments:write")
async def revise(experiment_id: UUID, body: Revision, work: InTransaction) -> dict[str, Any]:
    """Stop what runs and start a new version of it, under the same key, with another registration."""
    return experiment_view(await revise_experiment(experiment_id, body.plan, body.reason, work))


@router.post("/v1/experiments/{experiment_id}/rebuild")
@needs("experiments:write")
async def rebuild(experiment_id: UUID, work: InTransaction) -> dict[str, Any]:
    """Compute every number again from the stored units; the readout stays the same."""
    return experiment_view(await rebuild_statistics(experiment_id, work))
