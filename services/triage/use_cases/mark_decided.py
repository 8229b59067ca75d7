"""A problem about which a decision was made is decided; words about it still arrive and are counted."""

from contracts.alignment import DecisionMade
from services.triage.store.work import TriageWork


async def mark_decided(event: DecisionMade, work: TriageWork) -> None:
    """Kept even for a problem that is not known, and carried along by merges."""
    await work.alone()
    await (await work.business()).decide(event, at=work.now)
