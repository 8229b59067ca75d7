"""An open transaction of triage, with its repositories."""

import asyncpg

from libs.messaging.work import Work
from services.triage.store.briefs import Briefs
from services.triage.store.business import Business
from services.triage.store.corrections import Corrections
from services.triage.store.evidence import EvidenceStore
from services.triage.store.problems import Problems
from services.triage.store.voices import Voices


class TriageWork(Work):
    """Every repository sees this work's workspace only."""

    async def alone(self) -> asyncpg.Connection:
        """Wait until nobody else changes this workspace's problems; held to the end of the transaction.

        Two replicas that read the same words at the same time would otherwise open the same problem twice.
        """
        driver = await self.driver()
        await driver.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"triage/{self.workspace}")
        return driver

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
