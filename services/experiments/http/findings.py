"""Routes of findings: what a person counted in interviews, prototype sessions and surveys."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access
from libs.runtime.problems import NotFound
from services.experiments.domain.finding import NewFinding
from services.experiments.http.paging import Limit, after, page
from services.experiments.store.work import ExperimentsWork
from services.experiments.use_cases.enter_finding import enter_finding, withdraw_finding
from services.experiments.views import finding_view

router = APIRouter(route_class=Edge, tags=["findings"])
InTransaction = Annotated[ExperimentsWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]


@router.post("/v1/experiments/{experiment_id}/findings", status_code=201)
@needs("experiments:write")
async def enter(experiment_id: UUID, body: NewFinding, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Enter how many were asked, and how many of them did what the metric counts."""
    return finding_view(await enter_finding(experiment_id, body, by=access.name, work=work))


@router.get("/v1/experiments/{experiment_id}/findings")
@needs("experiments:read")
async def list_findings(
    experiment_id: UUID, work: InTransaction, cursor: str | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """Findings as they were entered, oldest first, also those that were withdrawn."""
    if await (await work.experiments()).find(experiment_id) is None:
        raise NotFound("experiment", experiment_id)
    found = await (await work.findings()).of_experiment(experiment_id, after=after(cursor), limit=limit + 1)
    return page([finding_view(one) for one in found], limit)


@router.post("/v1/experiments/{experiment_id}/findings/{finding_id}/withdraw")
@needs("experiments:write")
async def withdraw(experiment_id: UUID, finding_id: UUID, work: InTransaction, access: Caller) -> dict[str, Any]:
    """Take a finding out of the count; it stays on record."""
    return finding_view(await withdraw_finding(experiment_id, finding_id, by=access.name, work=work))
