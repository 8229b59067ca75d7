"""A decision: proposed with its evidence, positions taken, a concern answered rather than overruled, made."""

from datetime import UTC, datetime, timedelta

from libs.client import Conflict
from libs.command.demo.story import StepFailed, Story, verify, words_of

REVIEW_AFTER = timedelta(weeks=6)
CONCERN = "Small practices fear last-minute changes: an hour that is freed at eight for nine stays empty."
ANSWER = "Clients may move until 24 hours before, practices can set it longer, and freed hours go to the waitlist."


async def decide(story: Story) -> None:
    """Propose, hear people, answer them, decide. Making it over an open concern is refused."""
    story.decision = await story.whystream.propose_decision(_proposal(story))
    decision_id = story.decision["id"]
    story.screen.say(f"{story.decision['title']}. {story.decision['choice']}", label="Mara proposes")
    await story.whystream.take_position(decision_id, "Jonas (engineering)", "agree", "Two weeks; the agenda allows it.")
    story.screen.say("Two weeks; the agenda allows it.", label="Jonas agrees")
    await story.whystream.take_position(decision_id, "Ines (customer success)", "concern", CONCERN)
    story.screen.say(CONCERN, label="Ines has a concern", style="yellow")
    review_on = (datetime.now(UTC) + REVIEW_AFTER).date()
    try:
        await story.whystream.make_decision(decision_id, review_on=review_on, made_by="Mara (product)")
    except Conflict as refused:
        story.screen.say(refused.detail, label="made? refused", style="red")
    else:
        raise StepFailed("the decision could be made although a concern had no answer")
    await story.whystream.make_decision(
        decision_id, review_on=review_on, made_by="Mara (product)", answer_to_concerns=ANSWER
    )
    story.decision = await story.whystream.decision(decision_id)
    verify(story.decision["status"] == "made", f"the decision is {story.decision['status']}, not made")
    story.screen.say(ANSWER, label="answered")
    story.screen.say(f"to be reviewed on {review_on:%-d %B %Y}", label="made")


def _proposal(story: Story) -> dict[str, object]:
    effect = story.readout["primary_metric"]["comparisons"][0]["effect"]
    shown = f"{100 * effect['effect']:+.1f} pp [{100 * effect['lower']:+.1f}, {100 * effect['upper']:+.1f}]"
    quotes = [
        {"kind": "feedback", "ref": str(quote["feedback_id"]), "note": words_of(quote)[:200]}
        for quote in story.quotes[:3]
    ]
    return {
        "problem_id": story.problem_id,
        "title": "Clients move their own appointments",
        "choice": "Every reminder carries a link with which a client moves the appointment to another free time.",
        "reason": (
            f"{story.problem['customers']} customers told us that their clients phone, fail and stay away. "
            f"In the experiment {shown} of appointments were kept, with fewer calls."
        ),
        "proposed_by": "Mara (product)",
        "evidence": [
            *quotes,
            {"kind": "experiment", "ref": story.experiment["id"], "note": story.readout["summary"][:500]},
        ],
        "alternatives": [
            {
                "title": "Embed another vendor's page",
                "why_not": "It knows nothing of the agenda's rules and costs per booking.",
            },
            {"title": "Leave it as it is", "why_not": "Appointments that could be kept are lost every day."},
        ],
        "experiment_ids": [story.experiment["id"]],
        "objective_ids": [story.objective["id"]],
    }
