"""The one list of all events: who owns each, who listens, and on which subject it travels.

Topology (streams, consumers), permissions, schemas, AsyncAPI and the tables in the READMEs are derived from it.
"""

from dataclasses import dataclass

from contracts import alignment, experiments, feedback, problems
from contracts.event import Event

SERVICES = ("intake", "triage", "experiments", "alignment", "console")

# Who may publish observations besides the owner: product tools with their own NATS user.
TOOLS = "tools"


@dataclass(frozen=True)
class EventType:
    """One event version: its class, the only service that says it, and the services that act on it.

    `streamed` events never pass an outbox: they are measurements, published by the owner's edge or by product tools.
    """

    event: type[Event]
    owner: str
    consumers: tuple[str, ...]
    streamed: bool = False

    @property
    def type(self) -> str:
        return self.event.TYPE

    @property
    def stream(self) -> str:
        """The JetStream stream that keeps it: one per owner, so that one transaction's events fit one atomic batch."""
        return "OBSERVATIONS" if self.streamed else self.owner.upper()

    def subject(self, workspace: str) -> str:
        """The NATS subject: `<type>.<workspace>`; pass `*` for every workspace."""
        return f"{self.type}.{workspace}"


CATALOG: tuple[EventType, ...] = (
    EventType(feedback.FeedbackReceived, "intake", ("triage", "console")),
    EventType(feedback.FeedbackQuarantined, "intake", ("console",)),
    EventType(feedback.FeedbackReleased, "intake", ("console",)),
    EventType(feedback.FeedbackErased, "intake", ("triage", "console")),
    EventType(problems.FeedbackTriaged, "triage", ("console",)),
    EventType(problems.ProblemOpened, "triage", ("experiments", "alignment", "console")),
    EventType(problems.ProblemGrew, "triage", ("alignment", "console")),
    EventType(problems.ProblemMerged, "triage", ("experiments", "alignment", "console")),
    EventType(problems.ProblemUnmerged, "triage", ("experiments", "alignment", "console")),
    EventType(problems.ProblemSplit, "triage", ("experiments", "alignment", "console")),
    EventType(problems.ProblemBriefChanged, "triage", ("alignment", "console")),
    EventType(problems.ProblemPriorityChanged, "triage", ("alignment", "console")),
    EventType(problems.ProblemDescribed, "triage", ("console",)),
    EventType(problems.ProblemSurged, "triage", ("alignment", "console")),
    EventType(problems.EvidenceGapFound, "triage", ("alignment", "console")),
    EventType(experiments.OptionProposed, "experiments", ("console",)),
    EventType(experiments.AssumptionStated, "experiments", ("console",)),
    EventType(experiments.ObservationExposed, "experiments", ("experiments",), streamed=True),
    EventType(experiments.ObservationMeasured, "experiments", ("experiments",), streamed=True),
    EventType(experiments.ExperimentStarted, "experiments", ("alignment", "console")),
    EventType(experiments.ReadoutChanged, "experiments", ("alignment", "console")),
    EventType(experiments.ExperimentConcluded, "experiments", ("triage", "alignment", "console")),
    EventType(alignment.ObjectiveSet, "alignment", ("triage", "console")),
    EventType(alignment.DecisionProposed, "alignment", ("alignment", "console")),
    EventType(alignment.PositionTaken, "alignment", ("alignment", "console")),
    EventType(alignment.DecisionMade, "alignment", ("triage", "alignment", "console")),
    EventType(alignment.DecisionReviewed, "alignment", ("alignment", "console")),
    EventType(alignment.NotificationDelivered, "alignment", ("console",)),
    EventType(alignment.NotificationExhausted, "alignment", ("console",)),
    EventType(alignment.LoopClosed, "alignment", ("alignment", "console")),
)

BY_TYPE: dict[str, EventType] = {entry.type: entry for entry in CATALOG}


def entry_of(event: type[Event]) -> EventType:
    """The catalogue's entry for an event class."""
    return BY_TYPE[event.TYPE]


def owned_by(service: str) -> tuple[EventType, ...]:
    return tuple(entry for entry in CATALOG if entry.owner == service)


def consumed_by(service: str) -> tuple[EventType, ...]:
    return tuple(entry for entry in CATALOG if service in entry.consumers)
