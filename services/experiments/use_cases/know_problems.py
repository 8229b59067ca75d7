"""Follow which problems exist, and move everything to the survivor when two turn out to be one."""

from contracts.problems import ProblemMerged, ProblemOpened, ProblemSplit, ProblemUnmerged
from services.experiments.store.work import ExperimentsWork


async def know_problem(event: ProblemOpened, work: ExperimentsWork) -> None:
    """Options and experiments may refer to it from now on."""
    await (await work.problems()).add(event.problem_id)


async def know_split(event: ProblemSplit, work: ExperimentsWork) -> None:
    """Both parts exist; what was proposed and tested stays with the part that keeps the id."""
    problems = await work.problems()
    await problems.add(event.problem_id)
    await problems.add(event.new_problem_id)


async def follow_merge(event: ProblemMerged, work: ExperimentsWork) -> None:
    """Options, assumptions and experiments of the merged problem are about the survivor."""
    await (await work.problems()).merge(event.problem_id, event.into)


async def know_unmerge(event: ProblemUnmerged, work: ExperimentsWork) -> None:
    """It may be referred to again; what was proposed and tested before stays with the problem it was merged into."""
    await (await work.problems()).unmerge(event.problem_id)
