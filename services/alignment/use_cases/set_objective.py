"""Set what the business wants, and how much it weighs."""

from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.alignment import ObjectiveSet
from services.alignment.domain.decisions import NewObjective
from services.alignment.store.work import AlignmentWork


async def set_objective(objective: NewObjective, work: AlignmentWork) -> tuple[UUID, bool]:
    """The objective's id and whether it is new; one of the same name is changed."""
    objective_id, new = await (await work.decisions()).set_objective(uuid7(), objective, at=work.now)
    work.record(ObjectiveSet(objective_id=objective_id, **objective.model_dump()), first=new)
    return objective_id, new
