"""An open transaction of alignment, with its repositories."""

from libs.messaging.work import Work
from services.alignment.store.decisions import Decisions
from services.alignment.store.deliveries import Deliveries
from services.alignment.store.feed import Feed, Problems
from services.alignment.store.subscriptions import Subscriptions


class AlignmentWork(Work):
    """An open transaction of alignment."""

    async def decisions(self) -> Decisions:
        return Decisions(await self.driver(), self.workspace)

    async def subscriptions(self) -> Subscriptions:
        return Subscriptions(await self.driver(), self.workspace)

    async def deliveries(self) -> Deliveries:
        return Deliveries(await self.driver(), self.workspace)

    async def feed(self) -> Feed:
        return Feed(await self.driver(), self.workspace)

    async def problems(self) -> Problems:
        return Problems(await self.driver(), self.workspace)
