"""Make a proposed decision stand, with every open concern answered."""

from collections.abc import Sequence
from uuid import UUID

from contracts.alignment import Position
from libs.runtime.problems import Conflict, Invalid, NotFound, Problem
from services.alignment.domain.decisions import Made, Making, made_event, open_concerns
from services.alignment.store.work import AlignmentWork


class ConcernsUnanswered(Problem):
    """Somebody has a concern or objects, and nobody said what answers it. Names who and what."""

    def __init__(self, concerns: Sequence[Position]) -> None:
        said = "; ".join(f"{found.stakeholder} ({found.position}): {found.comment}" for found in concerns)
        super().__init__(
            409,
            "concerns-unanswered",
            "Concerns unanswered",
            f"{said} — say in answer_to_concerns what answers this, or have the position taken again",
            concerns=[found.model_dump() for found in concerns],
        )


async def make_decision(decision_id: UUID, making: Making, caller: str, work: AlignmentWork) -> None:
    """Tell everybody what was decided and why. Raises NotFound, Conflict, Invalid or ConcernsUnanswered."""
    decisions = await work.decisions()
    decision = await decisions.find(decision_id, lock=True)
    if decision is None:
        raise NotFound("decision", decision_id)
    if decision.status != "proposed":
        raise Conflict(f"this decision is {decision.status} already; propose another one to change what was decided")
    if making.review_on < work.now.date():
        raise Invalid("review_on lies in the past; name the day on which somebody will look at what became of it")
    concerns = open_concerns(decision.positions)
    if concerns and not making.answer_to_concerns:
        raise ConcernsUnanswered(concerns)
    made = Made(making.made_by or caller, work.now, making.review_on, making.answer_to_concerns)
    await decisions.make(decision_id, made)
    work.record(made_event(decision, made))
