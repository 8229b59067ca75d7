"""Say where a stakeholder stands on a proposed decision."""

from uuid import UUID

from contracts.alignment import Position, PositionTaken
from libs.runtime.problems import Conflict, NotFound, TooLarge
from services.alignment.domain.decisions import NewPosition, too_much_said
from services.alignment.store.work import AlignmentWork


async def take_position(decision_id: UUID, taken: NewPosition, work: AlignmentWork) -> None:
    """Keep the position instead of the stakeholder's earlier one. Raises NotFound, or Conflict once it is made.

    Also raises TooLarge when all positions together are more than one event can tell.
    """
    decisions = await work.decisions()
    decision = await decisions.find(decision_id, lock=True)
    if decision is None:
        raise NotFound("decision", decision_id)
    if decision.status != "proposed":
        raise Conflict(f"this decision is {decision.status}; positions are taken on proposed ones, so propose another")
    position = Position(**taken.model_dump())
    others = [found for found in decision.positions if found.stakeholder != position.stakeholder]
    if too_much_said([*others, position]):
        raise TooLarge("with this, the positions on the decision are longer than can be told at once; say it shorter")
    await decisions.take_position(decision_id, position, at=work.now)
    work.record(PositionTaken(decision_id=decision_id, position=position))
