"""Offer a concluded experiment as evidence for what success and risks are."""

from contracts.experiments import ExperimentConcluded
from contracts.problems import Question
from services.triage.store.work import TriageWork

_SPEAKS_TO: tuple[Question, ...] = ("success", "risks")


async def suggest_from_experiment(event: ExperimentConcluded, work: TriageWork) -> None:
    """A suggestion, not an answer: a person decides whether it is one."""
    await work.alone()
    problem_id = await (await work.problems()).survivor_of(event.problem_id)
    text = f"{event.conclusion}: {event.summary}"
    briefs = await work.briefs()
    await briefs.suggest(
        problem_id, _SPEAKS_TO, kind="experiment", ref=str(event.experiment_id), text=text, now=work.now
    )
