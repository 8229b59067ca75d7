"""State what must be true for an option to work."""

from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import NotFound
from services.experiments.domain.option import Assumption, NewAssumption
from services.experiments.store.work import ExperimentsWork


async def state_assumption(option_id: UUID, new: NewAssumption, work: ExperimentsWork) -> Assumption:
    """The assumption, about the option's problem. Raises NotFound."""
    options = await work.options()
    option = await options.find(option_id)
    if option is None:
        raise NotFound("option", option_id)
    assumption = Assumption(uuid7(), option.problem_id, option_id, new.risk, new.statement, new.importance, work.now)
    await options.state(assumption)
    work.record(assumption.stated(), first=True)
    return assumption
