"""The open transaction of experiments, with its repositories."""

from libs.messaging.work import Work
from services.experiments.store.answers import Answers
from services.experiments.store.blocks import Blocks
from services.experiments.store.evidence import EvidenceStore
from services.experiments.store.experiments import Experiments
from services.experiments.store.findings import Findings
from services.experiments.store.observations import Observations
from services.experiments.store.options import Options
from services.experiments.store.problems import Problems
from services.experiments.store.readouts import Readouts


class ExperimentsWork(Work):
    """An open transaction of experiments."""

    async def problems(self) -> Problems:
        return Problems(await self.driver(), self.workspace)

    async def options(self) -> Options:
        return Options(await self.driver(), self.workspace)

    async def experiments(self) -> Experiments:
        return Experiments(await self.driver(), self.workspace)

    async def observations(self) -> Observations:
        return Observations(await self.driver(), self.workspace)

    async def blocks(self) -> Blocks:
        return Blocks(await self.driver(), self.workspace)

    async def findings(self) -> Findings:
        return Findings(await self.driver(), self.workspace)

    async def evidence(self) -> EvidenceStore:
        return EvidenceStore(await self.driver(), self.workspace)

    async def readouts(self) -> Readouts:
        return Readouts(await self.driver(), self.workspace)

    async def answers(self) -> Answers:
        return Answers(await self.driver(), self.workspace)
