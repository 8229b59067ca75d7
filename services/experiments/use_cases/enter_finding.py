"""Enter what a person found by asking others, or withdraw it."""

from dataclasses import replace
from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import NotFound
from services.experiments.domain.finding import AlreadyWithdrawn, Finding, NewFinding, NotCounted
from services.experiments.store.work import ExperimentsWork


async def enter_finding(experiment_id: UUID, new: NewFinding, *, by: str, work: ExperimentsWork) -> Finding:
    """The finding, which counts at once. Raises NotFound, NotCounted, or WrongStatus unless the experiment runs."""
    await _counting(experiment_id, work)
    finding = Finding(uuid7(), experiment_id, new.asked, new.agreed, new.note, by, work.now)
    await (await work.findings()).add(finding)
    await (await work.blocks()).wake(experiment_id)
    return finding


async def withdraw_finding(experiment_id: UUID, finding_id: UUID, *, by: str, work: ExperimentsWork) -> Finding:
    """The finding, which stays on record and no longer counts. Raises as `enter_finding`, or AlreadyWithdrawn."""
    await _counting(experiment_id, work)
    findings = await work.findings()
    found = await findings.find(finding_id)
    if found is None or found.experiment_id != experiment_id:
        raise NotFound("finding", finding_id)
    if found.withdrawn_at is not None:
        raise AlreadyWithdrawn
    withdrawn = replace(found, withdrawn_by=by, withdrawn_at=work.now)
    await findings.withdraw(withdrawn)
    await (await work.blocks()).wake(experiment_id)
    return withdrawn


async def _counting(experiment_id: UUID, work: ExperimentsWork) -> None:
    experiment = await (await work.experiments()).find(experiment_id, lock=True)
    if experiment is None:
        raise NotFound("experiment", experiment_id)
    if experiment.plan.traits.observed:
        raise NotCounted(experiment.plan.kind)
    experiment.require("running", "enter findings of")
