"""Propose what to do about a problem."""

from uuid_utils.compat import uuid7

from libs.runtime.problems import Invalid
from services.alignment.domain.decisions import Decision, Proposal, proposed_event
from services.alignment.store.work import AlignmentWork


async def propose_decision(proposal: Proposal, caller: str, work: AlignmentWork) -> Decision:
    """The proposed decision. Raises Invalid for an objective that this workspace does not have.

    The problem and the experiments belong to other services, which may not have told us of them yet.
    """
    decisions = await work.decisions()
    unknown = await decisions.unknown_objectives(proposal.objective_ids)
    if unknown:
        found = ", ".join(sorted(map(str, unknown)))
        raise Invalid(f"there is no such objective in this workspace: {found}; set it first with POST /v1/objectives")
    decision = Decision(
        id=uuid7(),
        status="proposed",
        proposal=proposal,
        proposed_by=proposal.proposed_by or caller,
        proposed_at=work.now,
    )
    await decisions.add(decision)
    work.record(proposed_event(decision.id, proposal, decision.proposed_by), first=True)
    return decision
