"""Options are weighed, what must be true is said, and it is tested before anything is built for everybody."""

import asyncio
from datetime import datetime
from typing import Any

from libs.client import Conflict, NotFound
from libs.command.demo import simulation
from libs.command.demo.story import StepFailed, Story, verify

SHOWN_EVERY = 4_000
MARGIN = 0.05
ASSUMPTION = "Clients who can move an appointment themselves keep more of them"
WITHIN = 90.0
EVERY = 0.5
OPTIONS = (
    (
        "build",
        "Clients move their own appointment",
        "A link in every reminder: pick another free time, until 24 hours before.",
    ),
    (
        "buy",
        "Embed the scheduling page of another vendor",
        "Clients book and move on a bought page that writes into the agenda.",
    ),
    ("nothing", "Leave it as it is", "Practices go on answering the phone."),
)


async def register(story: Story) -> None:
    """Objective, options, the riskiest assumption, and an experiment whose judgement is fixed beforehand."""
    story.objective = await story.whystream.set_objective(
        {
            "name": "Practices earn with the hours that they offer",
            "weight": 3,
            "description": "Every appointment that is kept pays for Tidewell.",
            "problem_ids": [story.problem_id],
        }
    )
    story.screen.say("Practices earn with the hours that they offer (weight 3)", label="objective")
    options = []
    for kind, title, description in OPTIONS:
        options.append(await _once_known(story, kind, title, description))
        story.screen.say(title, label=f"option: {kind}")
    assumption = await story.whystream.state_assumption(options[0]["id"], "value", ASSUMPTION, 5)
    story.screen.say(f"{ASSUMPTION} (a risk of value, 5 of 5)", label="assumption")
    plan = _plan(story, assumption["id"])
    registered = await story.whystream.register_experiment(plan)
    story.experiment = await story.whystream.start_experiment(registered["id"], simulation.beginning())
    await _fixed(story, registered["id"])
    story.experiment = await story.whystream.experiment(registered["id"])
    verify(story.experiment["status"] == "running", f"the experiment is {story.experiment['status']}, not running")
    planned = story.experiment["planned_units"]
    story.screen.say(str(plan["hypothesis"]), label="experiment")
    story.screen.say(f"{simulation.KEPT} goes up", label="primary metric")
    story.screen.say(f"{simulation.CALLS} does not get worse by more than {MARGIN}", label="guardrail")
    story.screen.say(f"planned for {planned:,} clients; started, and no longer changeable", label="registered")


async def _once_known(story: Story, kind: str, title: str, description: str) -> dict[str, Any]:
    """Propose an option; experiments learns of the problem from an event, a moment after triage has it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 20
    while True:
        try:
            return await story.whystream.propose_option(story.problem_id, kind, title, description)
        except NotFound:
            if loop.time() > deadline:
                raise StepFailed("experiments has not heard of the problem within 20 s") from None
            await asyncio.sleep(0.2)


def _plan(story: Story, assumption_id: str) -> dict[str, Any]:
    return {
        "key": f"self-reschedule-{story.run}",
        "problem_id": story.problem_id,
        "assumption_id": assumption_id,
        "hypothesis": "If clients can move an appointment by themselves, more appointments are kept.",
        "primary_metric": {"name": simulation.KEPT, "kind": "conversion", "direction": "increase"},
        "guardrails": [
            {"metric": {"name": simulation.CALLS, "kind": "mean", "direction": "decrease"}, "margin": MARGIN},
        ],
        "arms": [{"name": simulation.CONTROL, "weight": 1}, {"name": simulation.TREATMENT, "weight": 1}],
        "baseline": simulation.TRUTH[simulation.CONTROL].kept,
        "minimum_detectable_effect": 0.015,
    }


async def _fixed(story: Story, experiment_id: str) -> None:
    try:
        await story.whystream.start_experiment(experiment_id)
    except Conflict:
        return
    raise StepFailed("an experiment that runs could be started again")


async def run(story: Story) -> None:
    """The stream: ten days, 20,000 clients are exposed and what they do is observed; anybody may look at any time."""
    watching = asyncio.create_task(_watch(story))
    try:
        total = await _send(story)
        story.screen.say(f"{total:,} observations sent; one request was sent twice, as after a lost answer")
        story.readout = await asyncio.wait_for(watching, WITHIN)
    except TimeoutError:
        counted = _counted(await story.whystream.readout(story.experiment["id"]))
        raise StepFailed(f"{counted:,} of {simulation.VISITORS:,} clients were counted within {WITHIN:.0f} s") from None
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    _judge(story)


async def _send(story: Story) -> int:
    total = 0
    with story.screen.counting("clients", simulation.VISITORS) as counter:
        begins = datetime.fromisoformat(story.experiment["counts_from"])
        for clients, part in simulation.stream(story.experiment["key"], story.run, begins):
            total += await _observe(story, part, clients)
            counter.reach(clients)
    return total


async def _observe(story: Story, part: list[dict[str, Any]], clients: int) -> int:
    key = f"{story.run}-{clients}"
    sent = await story.whystream.observe(part, key=key)
    if clients == simulation.AT_ONCE:
        await story.whystream.observe(part, key=key)
    verify(sent.accepted == len(part), f"{len(part) - sent.accepted} of {len(part)} observations were not accepted")
    return len(part)


async def _watch(story: Story) -> dict[str, Any]:
    """Look again and again, saying what the readout says, until everybody was counted; give that readout."""
    shown = 0
    while True:
        readout = await story.whystream.readout(story.experiment["id"])
        counted = _counted(readout)
        if counted >= simulation.VISITORS:
            return readout
        if counted - shown >= SHOWN_EVERY:
            shown = counted
            story.screen.say(_line(readout))
        await asyncio.sleep(EVERY)


def _judge(story: Story) -> None:
    readout = story.readout
    story.screen.say(_line(readout))
    for claim in readout["claimed"]:
        story.screen.say(claim, label="claimed")
    counted, advice = _counted(readout), readout["recommendation"]
    verify(counted == simulation.VISITORS, f"{counted:,} clients were counted, {simulation.VISITORS:,} were sent")
    verify(advice["action"] == "ship", f"the recommendation is {advice['action']} ({advice['reason']}), not ship")


async def conclude(story: Story) -> None:
    """A person closes the experiment and says what was learned; the readout of this moment is kept."""
    await story.whystream.stop_experiment(story.experiment["id"])
    learned = "Clients who can move an appointment keep more of them, and they phone less."
    concluded = await story.whystream.conclude_experiment(story.experiment["id"], learned, "supported")
    verify(concluded["status"] == "concluded", f"the experiment is {concluded['status']}, not concluded")
    story.screen.say(learned, label="supported")


def _counted(readout: dict[str, Any]) -> int:
    return readout["units"]["counted"]


def _line(readout: dict[str, Any]) -> str:
    """One look: how many, the effect with its interval, and what to do."""
    comparison = readout["primary_metric"]["comparisons"][0]
    effect = comparison["effect"]
    shown = "no numbers yet"
    if effect:
        low, middle, high = (100 * effect[name] for name in ("lower", "effect", "upper"))
        shown = f"{simulation.KEPT} {middle:+.2f} pp [{low:+.2f}, {high:+.2f}]"
    return f"{_counted(readout):>6,} clients  {shown:<46} {readout['recommendation']['action'].replace('_', ' ')}"
