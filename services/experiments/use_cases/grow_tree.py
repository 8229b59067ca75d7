"""Show the opportunity tree of a problem."""

from uuid import UUID

from libs.runtime.problems import NotFound
from services.experiments.domain.tree import Tree, grow
from services.experiments.store.work import ExperimentsWork

_MOST = 1_000  # of each: options, assumptions, experiments, pieces of evidence


async def grow_tree(problem_id: UUID, work: ExperimentsWork) -> tuple[UUID, Tree]:
    """The problem that this one is part of now, and its tree. Raises NotFound."""
    problem = await (await work.problems()).survivor(problem_id)
    if problem is None:
        raise NotFound("problem", problem_id)
    repository = await work.options()
    options = await repository.of_problem(problem, after=None, limit=_MOST)
    assumptions = await repository.assumptions_of([option.id for option in options], limit=_MOST)
    experiments = await (await work.experiments()).of_problem(problem, limit=_MOST)
    stated = await (await work.evidence()).about([one.id for one in assumptions], limit=_MOST)
    return problem, grow(options, assumptions, experiments, stated)
