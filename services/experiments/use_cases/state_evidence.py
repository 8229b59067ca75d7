"""State what is known about an assumption besides experiments."""

from uuid import UUID

from uuid_utils.compat import uuid7

from libs.runtime.problems import NotFound
from services.experiments.domain.evidence import Evidence, NewEvidence
from services.experiments.store.work import ExperimentsWork


async def state_evidence(assumption_id: UUID, new: NewEvidence, *, by: str, work: ExperimentsWork) -> Evidence:
    """The evidence, as this person stated it. Raises NotFound."""
    if await (await work.options()).find_assumption(assumption_id) is None:
        raise NotFound("assumption", assumption_id)
    evidence = Evidence(uuid7(), assumption_id, new.says, new.note, new.source, by, work.now)
    await (await work.evidence()).add(evidence)
    return evidence
