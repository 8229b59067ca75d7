"""The problem that a command is about."""

from uuid import UUID

from libs.runtime.problems import Conflict, NotFound
from services.triage.store.problems import Head
from services.triage.store.work import TriageWork


async def find_problem(problem_id: UUID, work: TriageWork) -> Head:
    """Raises NotFound for one that this workspace does not have."""
    head = (await (await work.problems()).heads([problem_id])).get(problem_id)
    if head is None:
        raise NotFound("problem", problem_id)
    return head


async def find_living_problem(problem_id: UUID, work: TriageWork) -> Head:
    """The same, but a merged one raises Conflict, which names the survivor, and so does a dismissed one."""
    head = await find_problem(problem_id, work)
    if head.merged_into is not None:
        raise Conflict(f"problem {problem_id} was merged into {head.merged_into}; use that one")
    if head.status == "dismissed":
        raise Conflict(f"problem {problem_id} was dismissed: it is not a problem")
    return head
