"""An open transaction of triage, with its repositories."""

from typing import ClassVar

import asyncpg

from libs.messaging.work import Work
from services.triage.store.briefs import Briefs
from services.triage.store.business import Business
from services.triage.store.corrections import Corrections
from services.triage.store.evidence import EvidenceStore
from services.triage.store.groups import Groups
from services.triage.store.looks import Looks
from services.triage.store.memory import Memory
from services.triage.store.names import Names
from services.triage.store.portraits import Portraits
from services.triage.store.preferences import Preferences
from services.triage.store.problems import Problems
from services.triage.store.regroupings import Regroupings
from services.triage.store.rereading import Rereading
from services.triage.store.trends import Trends
from services.triage.store.voices import Voices


class TriageWork(Work):
    """Every repository sees this work's workspace only. `memory` is the process's, see `remembering`."""

    memory: ClassVar[Memory]

    @classmethod
    def remembering(cls, memory: Memory) -> "type[TriageWork]":
        """The class of transactions that share this memory."""
        return type(cls.__name__, (cls,), {"memory": memory})

    async def alone(self) -> asyncpg.Connection:
        """Wait until nobody else changes this workspace's problems; held to the end of the transaction.

        Two replicas that read the same words at the same time would otherwise open the same problem twice.
        """
        driver = await self.driver()
        await driver.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"triage/{self.workspace}")
        return driver

    async def groups(self) -> Groups:
        return Groups(await self.driver(), self.workspace, self.memory)

    async def looks(self) -> Looks:
        return Looks(await self.driver(), self.workspace)

    async def rereading(self) -> Rereading:
        return Rereading(await self.driver(), self.workspace, self.memory)

    async def regroupings(self) -> Regroupings:
        return Regroupings(await self.driver(), self.workspace)

    async def evidence(self) -> EvidenceStore:
        return EvidenceStore(await self.driver(), self.workspace)

    async def problems(self) -> Problems:
        return Problems(await self.driver(), self.workspace)

    async def voices(self) -> Voices:
        return Voices(await self.driver(), self.workspace)

    async def corrections(self) -> Corrections:
        return Corrections(await self.driver(), self.workspace)

    async def briefs(self) -> Briefs:
        return Briefs(await self.driver(), self.workspace)

    async def business(self) -> Business:
        return Business(await self.driver(), self.workspace)

    async def portraits(self) -> Portraits:
        return Portraits(await self.driver(), self.workspace)

    async def trends(self) -> Trends:
        return Trends(await self.driver(), self.workspace)

    async def names(self) -> Names:
        return Names(await self.driver(), self.workspace)

    async def preferences(self) -> Preferences:
        return Preferences(await self.driver(), self.workspace)
