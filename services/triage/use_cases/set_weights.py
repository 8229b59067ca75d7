"""What a workspace finds important: change it, and rank every problem anew."""

from services.triage.domain import Weights
from services.triage.store.work import TriageWork
from services.triage.use_cases.settle import settle

_AT_ONCE = 300


async def set_weights(weights: Weights, *, by: str, work: TriageWork) -> None:
    """Keep the weights. What is reported from now on is ranked by them, and everything else within seconds."""
    await work.alone()
    preferences = await work.preferences()
    if weights != await preferences.weights():
        await preferences.save(weights, by=by, now=work.now)


async def recount(work: TriageWork) -> int:
    """Rank the next problems with the workspace's new weights; returns how many, 0 when all are done."""
    await work.alone()
    preferences = await work.preferences()
    ids = await preferences.next_to_recount(_AT_ONCE)
    await settle(ids, work)
    await preferences.recounted(ids)
    return len(ids)
