"""Give a problem the name that a model found, marked as the model's."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.triage.store.names import Name, Unnamed
from services.triage.store.work import TriageWork
from services.triage.use_cases.draw_portraits import described


@dataclass(frozen=True, slots=True)
class Request:
    """A claimed problem, with the words to name it from."""

    one: Unnamed
    quotes: Sequence[str]


async def next_to_name(work: TriageWork) -> Request | None:
    """Claim a problem that waits for a name. Commit before asking: that takes time. None when nobody waits."""
    one = await (await work.names()).claim(now=work.now)
    if one is None:
        return None
    words = await (await work.portraits()).words(one.quotes)
    return Request(one, [words[quote]["text"] for quote in one.quotes if quote in words])


async def name_problem(request: Request, text: str, *, model: str, work: TriageWork) -> None:
    """Keep the name and say so, unless the problem's quotes changed since it was asked for. Nothing else changes."""
    await work.alone()
    problem_id, name = request.one.problem_id, Name(text, model, work.now)
    head = (await (await work.problems()).heads([problem_id])).get(problem_id)
    if head is None or not head.living or not await (await work.names()).keep(request.one, name):
        return
    drawn = await (await work.portraits()).find(problem_id)
    work.record(described(problem_id, head.statement, drawn, name))
