"""The facts in events about the customers' words."""

from contracts.feedback import FeedbackErased, FeedbackQuarantined, FeedbackReceived, FeedbackReleased
from contracts.problems import FeedbackTriaged
from services.console.domain.facts import FOREVER, Edge, Fact, Stamp, ref


def received(event: FeedbackReceived, stamp: Stamp) -> list[Fact]:
    """The words. Of the customer only segment and plan are kept: the console needs no more to be read."""
    words = {
        "text": event.text,
        "source": event.source,
        "language": event.language,
        "occurred_at": event.occurred_at.isoformat(),
        "segment": event.customer.segment if event.customer else None,
        "plan": event.customer.plan if event.customer else None,
    }
    return [Fact(ref("feedback", event.feedback_id), "words", stamp, words)]


def quarantined(event: FeedbackQuarantined, stamp: Stamp) -> list[Fact]:
    return [Fact(ref("feedback", event.feedback_id), "hold", stamp, {"held": True, "reason": event.reason})]


def released(event: FeedbackReleased, stamp: Stamp) -> list[Fact]:
    return [Fact(ref("feedback", event.feedback_id), "hold", stamp, {"held": False})]


def erased(event: FeedbackErased, stamp: Stamp) -> list[Fact]:
    """Empties every facet that may repeat the words, with a stamp that no late arrival can beat."""
    about, forever = ref("feedback", event.feedback_id), Stamp(FOREVER, stamp.at, stamp.event)
    return [
        Fact(about, "words", forever, {"erased": event.reason}),
        Fact(about, "grouping_reason", forever),
        Fact(about, "hold", forever, {"held": False}),
    ]


def triaged(event: FeedbackTriaged, stamp: Stamp) -> list[Fact]:
    """To which problem the words belong. The reason is a facet of its own, because it may quote them."""
    about = ref("feedback", event.feedback_id)
    edges = (Edge(about, "grouped_into", ref("problem", event.problem_id)),) if event.problem_id else ()
    how = {"score": event.score, "algorithm": event.algorithm, "assigned_by": event.assigned_by}
    return [
        Fact(about, "grouping", stamp, how, edges),
        Fact(about, "grouping_reason", stamp, {"reason": event.reason}),
    ]


RULES = {
    FeedbackReceived: received,
    FeedbackQuarantined: quarantined,
    FeedbackReleased: released,
    FeedbackErased: erased,
    FeedbackTriaged: triaged,
}
