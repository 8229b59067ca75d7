"""An open transaction of the console, with its repositories."""

from libs.messaging.work import Work
from services.console.store.lineage import Lineage
from services.console.store.lists import Lists
from services.console.store.sessions import Sessions


class ConsoleWork(Work):
    """An open transaction of the console."""

    async def lineage(self) -> Lineage:
        return Lineage(await self.driver(), self.workspace)

    async def lists(self) -> Lists:
        return Lists(await self.driver(), self.workspace)

    async def sessions(self) -> Sessions:
        return Sessions(await self.driver())
