"""Give old evidence vectors of the present embedder, so that what arrives can be compared with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import structlog

from services.triage.store.memory import Read
from services.triage.store.work import TriageWork

log = structlog.get_logger("reread")
AT_ONCE = 2_048


@dataclass(frozen=True, slots=True)
class Unread:
    """Evidence whose vectors are of another embedder, newest first."""

    feedback_ids: Sequence[UUID]
    texts: Sequence[str]
    languages: Sequence[str | None]


async def next_unread(work: TriageWork) -> Unread | None:
    """The next evidence to embed, outside any transaction; None when all of the window is read, which is noted."""
    embedder = await work.memory.embedder()
    await work.alone()
    rereading = await work.rereading()
    rows = await rereading.unread(embedder.version, most=AT_ONCE)
    if not rows:
        await rereading.done()
        log.info("all evidence has vectors of the present embedder", workspace=work.workspace)
        return None
    return Unread(*(list(column) for column in zip(*rows, strict=True)))


async def keep_read(unread: Unread, read: Read, work: TriageWork) -> None:
    """Keep the vectors; where evidence belongs does not change."""
    await work.alone()
    embedder = await work.memory.embedder()
    vectors = [vector.tobytes() for vector in read.vectors.astype(np.float16)]
    await (await work.rereading()).keep(unread.feedback_ids, vectors, embedder.version)
    log.info("evidence embedded anew", workspace=work.workspace, items=len(vectors), embedder=embedder.version)
