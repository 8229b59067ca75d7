"""Propose a way to solve a problem."""

from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import NotFound
from services.experiments.domain.option import NewOption, Option
from services.experiments.store.work import ExperimentsWork


async def propose_option(problem_id: UUID, new: NewOption, work: ExperimentsWork) -> Option:
    """The option, proposed for the problem or what it was merged into. Raises NotFound."""
    problem = await (await work.problems()).survivor(problem_id)
    if problem is None:
        raise NotFound("problem", problem_id)
    option = Option(uuid7(), problem, new.kind, new.title, new.description, work.now)
    await (await work.options()).add(option)
    work.record(option.proposed(), first=True)
    return option
