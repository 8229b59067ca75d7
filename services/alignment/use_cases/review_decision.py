"""Say what became of a decision and what was learned."""

from uuid import UUID

from contracts.alignment import DecisionReviewed, LoopClosed
from libs.runtime.problems import Conflict, NotFound
from services.alignment.domain.decisions import Review, Reviewed, status_after
from services.alignment.store.work import AlignmentWork


async def review_decision(decision_id: UUID, review: Review, caller: str, work: AlignmentWork) -> None:
    """Keep the review; the loop is closed unless it came too early. Raises NotFound, or Conflict before it is made."""
    decisions = await work.decisions()
    decision = await decisions.find(decision_id, lock=True)
    if decision is None:
        raise NotFound("decision", decision_id)
    if decision.status != "made":
        raise Conflict(f"this decision is {decision.status}; a review looks at one that is made and not reviewed yet")
    reviewed = Reviewed(review.reviewed_by or caller, work.now, review.outcome, review.learned)
    await decisions.review(decision_id, reviewed, status_after(review.outcome))
    said = DecisionReviewed(
        decision_id=decision_id, outcome=review.outcome, learned=review.learned, reviewed_by=reviewed.by
    )
    work.record(said)
    if review.outcome != "too_early":
        problem_id = decision.proposal.problem_id
        work.record(LoopClosed(problem_id=problem_id, decision_id=decision_id, outcome=review.outcome))
