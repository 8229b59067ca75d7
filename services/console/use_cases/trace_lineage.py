"""Follow the thread from one node back to every word behind it, and on to what came of it."""

from services.console.domain.facts import Ref
from services.console.domain.graph import MAX_FEEDBACK, THEN, WHY, Directions, Graph, Reached
from services.console.store.lineage import Lineage
from services.console.store.work import ConsoleWork

_MAX_STEPS = 64


async def trace_lineage(origin: Ref, work: ConsoleWork) -> Graph | None:
    """The lineage of `origin`, or None if nothing is known of it. At most MAX_FEEDBACK pieces of feedback are nodes."""
    lineage = await work.lineage()
    if await lineage.find(origin) is None:
        return None
    behind, beyond = await _walk(origin, WHY, lineage), await _walk(origin, THEN, lineage)
    reached = behind.seen | behind.last | beyond.seen
    cited = sorted(about for about in reached if about.kind == "feedback")
    others = {about for about in reached if about.kind != "feedback"}
    problems = [about for about in behind.seen if about.kind == "problem"]
    grouped, total = await lineage.feedback_of(problems, limit=MAX_FEEDBACK)
    feedback = list(dict.fromkeys([*cited, *grouped]))[:MAX_FEEDBACK]
    nodes = await lineage.nodes([*sorted(others), *feedback])
    edges = await lineage.edges_among(nodes)
    # Words that are cited as evidence but grouped elsewhere count too.
    outside = len(cited) - await lineage.count_grouped(cited, problems)
    complete = behind.complete and beyond.complete
    return Graph(origin, nodes, edges, feedback=total + outside, complete=complete)


async def _walk(origin: Ref, directions: Directions, lineage: Lineage) -> Reached:
    reached = Reached({origin}, {origin})
    for _ in range(_MAX_STEPS):
        if not reached.frontier:
            return reached
        reached.step(await lineage.step(reached.frontier, directions))
    reached.complete = False
    return reached
