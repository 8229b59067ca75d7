"""One whole story as the events that its services would say, for tests of the lineage and of the pages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from contracts.alignment import (
    Alternative,
    DecisionMade,
    DecisionProposed,
    DecisionReviewed,
    LoopClosed,
    NotificationDelivered,
    NotificationExhausted,
    ObjectiveSet,
    Position,
    PositionTaken,
)
from contracts.catalog import entry_of
from contracts.envelope import Envelope, wrap
from contracts.event import Event, EvidenceRef
from contracts.experiments import (
    Arm,
    AssumptionStated,
    Estimate,
    ExperimentConcluded,
    ExperimentStarted,
    Metric,
    OptionProposed,
    ReadoutChanged,
)
from contracts.feedback import Customer, FeedbackErased, FeedbackQuarantined, FeedbackReceived
from contracts.problems import (
    EvidenceGapFound,
    FeedbackTriaged,
    Opportunity,
    ProblemBriefChanged,
    ProblemDescribed,
    ProblemGrew,
    ProblemMerged,
    ProblemOpened,
    ProblemPriorityChanged,
    ProblemSplit,
    ProblemSurged,
)

BEGAN = datetime(2026, 10, 12, 8, 30, tzinfo=UTC)
QUOTES = (
    "Is there a way for a patient to move their own appointment? The confirmation only has a Cancel link.",
    "Patients who would simply like Thursday instead of Tuesday ring us, and between 8 and 10 nobody can pick up.",
    "Ich möchte meinen Termin selbst verschieben können, ohne anzurufen.",
    "لا أستطيع تغيير موعدي من الهاتف",
    "<script>document.title = 'taken'</script><img src=x onerror=alert(1)> please let us <b>move</b> appointments",
    "Reschedule" + "e" * 400 + "!",
    "Why do I have to cancel and book again, and lose my place on the waiting list?",
    "Third time this month that I moved a client by hand because the link cannot.\n\n" + 30 * "And it goes on. ",
)


@dataclass
class Story:
    """Ids to ask for, and the events in the order in which they happened, each as its owner's envelope."""

    workspace: str
    problem: UUID = field(default_factory=uuid4)
    twin: UUID = field(default_factory=uuid4)
    part: UUID = field(default_factory=uuid4)
    decision: UUID = field(default_factory=uuid4)
    experiment: UUID = field(default_factory=uuid4)
    option: UUID = field(default_factory=uuid4)
    assumption: UUID = field(default_factory=uuid4)
    objective: UUID = field(default_factory=uuid4)
    feedback: list[UUID] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    _sequences: dict[str, int] = field(default_factory=dict)

    def say(self, *events: Event) -> None:
        """Add events, with the sequence and a plausible time that their owner would give them."""
        for event in events:
            sequence = self._sequences[event.aggregate] = self._sequences.get(event.aggregate, 0) + 1
            at = BEGAN + timedelta(hours=3 * len(self.envelopes))
            entry = entry_of(type(event))
            self.envelopes.append(wrap(event, service=entry.owner, workspace=self.workspace, sequence=sequence, at=at))

    def report(self, text: str, *problems: UUID, segment: str = "practice", language: str | None = None) -> UUID:
        """Words come in and are grouped into each of `problems` in turn; the last one stands."""
        identity = uuid4()
        moment = BEGAN + timedelta(days=len(self.feedback))
        self.say(
            FeedbackReceived(
                feedback_id=identity,
                text=text,
                source=("support-desk", "in-app", "app-store")[len(self.feedback) % 3],
                received_at=moment,
                occurred_at=moment,
                customer=Customer(id=f"c-{len(self.feedback)}", segment=segment, plan="pro"),
                language=language,
            )
        )
        for problem in problems:
            self.say(triaged(identity, problem))
        self.feedback.append(identity)
        return identity


def triaged(feedback: UUID, problem: UUID | None, score: float = 0.8) -> FeedbackTriaged:
    return FeedbackTriaged(
        feedback_id=feedback,
        problem_id=problem,
        score=score,
        reason="shares 'move', 'appointment'",
        algorithm="words-1",
        assigned_by="engine",
    )


def whole_story(workspace: str) -> Story:
    """From eight quotes over a merge, a split, a brief, an experiment and a concern to a reviewed decision."""
    story = Story(workspace)
    _words(story)
    _problem(story)
    _experiment(story)
    _decision(story)
    return story


def _words(story: Story) -> None:
    first = story.report(QUOTES[0], story.problem)
    story.say(
        ProblemOpened(
            problem_id=story.problem, statement="Patients cannot move their own appointment", first_feedback_id=first
        )
    )
    for index, text in enumerate(QUOTES[1:6]):
        story.report(text, story.problem, segment="clinic-group" if index % 2 else "practice")
        story.say(_grew(story, reports=index + 2))
    twin = story.report(QUOTES[6], story.twin)
    story.say(
        ProblemOpened(problem_id=story.twin, statement="Cancel and book again loses the place", first_feedback_id=twin),
        ProblemMerged(problem_id=story.twin, into=story.problem, merged_by="maria", reason="the same wish"),
    )
    story.report(QUOTES[7], story.part, story.problem)  # was grouped elsewhere first
    story.report("The SMS costs more than the visit", story.problem, story.part)  # ends in the part that was split off
    story.say(
        ProblemSplit(
            problem_id=story.problem,
            new_problem_id=story.part,
            statement="Text messages cost too much",
            feedback_ids=(story.feedback[-1],),
            split_by="maria",
        )
    )
    erased = story.report("my number is 0170 1234567, call me about moving", story.problem)
    story.say(FeedbackErased(feedback_id=erased, reason="customer_request"))
    story.say(FeedbackQuarantined(feedback_id=uuid4(), source="in-app", reason="4 links in one text"))


STATEMENT = "Patients cannot move their own appointment and have to call"


def _grew(story: Story, reports: int) -> ProblemGrew:
    return ProblemGrew(
        problem_id=story.problem,
        feedback_id=story.feedback[-1],
        reports=reports,
        customers=reports,
        statement=STATEMENT,
    )


def _problem(story: Story) -> None:
    evidence = (
        EvidenceRef(kind="feedback", ref=str(story.feedback[0]), note="the clearest of them"),
        EvidenceRef(kind="url", ref="https://desk.example/reports/41", note="calls per week"),
    )
    hostile = (EvidenceRef(kind="url", ref="javascript:alert(1)"), EvidenceRef(kind="feedback", ref="the Tuesday call"))
    story.say(
        _answer(story, "why", "Everybody rings because of it.", 0.0, assumption=True),
        _answer(story, "why", "A third of all calls are about moving an appointment.", 0.125, evidence=evidence),
        _answer(story, "who", "Practices with one person at the desk.", 0.125, assumption=True, evidence=hostile),
        EvidenceGapFound(
            problem_id=story.problem, question="success", week="2026-W47", reason="reported 9 times, no measure named"
        ),
        ProblemPriorityChanged(
            problem_id=story.problem,
            opportunity=Opportunity(customer_value=12.5, business_value=7.25, parts={"reach": 9, "severity": 1.75}),
        ),
        ProblemDescribed(
            problem_id=story.problem,
            statement=STATEMENT,
            terms=("phone", "move", "<b>appointment</b>"),
            quotes=(story.feedback[4], story.feedback[2]),
            request="Please add a button that moves it",
            request_from=story.feedback[2],
            requests=3,
            signs={"cannot go on": 4},
            languages={"en": 7, "de": 2},
            name="Patients cannot reschedule <script>",
            named_by="a-small-model",
        ),
        ProblemSurged(problem_id=story.problem, statement=STATEMENT, voices=9, expected=2.5, weeks=6, probability=1e-5),
        ObjectiveSet(
            objective_id=story.objective, name="Fewer calls per practice", weight=3, problem_ids=(story.problem,)
        ),
    )


def _answer(
    story: Story,
    question: str,
    answer: str,
    clarity: float,
    *,
    assumption: bool = False,
    evidence: Sequence[EvidenceRef] = (),
) -> ProblemBriefChanged:
    return ProblemBriefChanged(
        problem_id=story.problem,
        question=question,  # type: ignore[arg-type]  # one of the eight; checked when the event is made
        answer=answer,
        assumption=assumption,
        clarity=clarity,
        changed_by="maria",
        evidence=tuple(evidence),
    )


def _experiment(story: Story) -> None:
    story.say(
        OptionProposed(
            option_id=story.option, problem_id=story.problem, kind="build", title="A link that moves the appointment"
        ),
        AssumptionStated(
            assumption_id=story.assumption,
            problem_id=story.problem,
            option_id=story.option,
            risk="value",
            statement="Patients use a link rather than the phone",
            importance=5,
        ),
        ExperimentStarted(
            experiment_id=story.experiment,
            key="reschedule-link",
            kind="ab",
            problem_id=story.problem,
            hypothesis="With a link in the confirmation, more patients move their appointment themselves.",
            primary_metric=Metric(name="moved-without-call", kind="conversion", direction="increase"),
            arms=(Arm(name="control", weight=1), Arm(name="link", weight=1)),
            alpha=0.05,
            planned_units=9_000,
            assumption_id=story.assumption,
        ),
        _readout(story, "readable", "keep_running", 1_200, _estimate(0.021, -0.004, 0.046)),
        _readout(story, "powered", "ship", 9_120, _estimate(0.034, 0.021, 0.047)),
        ExperimentConcluded(
            experiment_id=story.experiment,
            key="reschedule-link",
            kind="ab",
            problem_id=story.problem,
            conclusion="supported",
            recommendation="ship",
            units=9_120,
            summary="3.4 points more patients move by themselves",
            learned="The link is used most in the evening, when nobody could have answered a call.",
            concluded_by="jonas",
            estimate=_estimate(0.034, 0.021, 0.047),
            assumption_id=story.assumption,
        ),
    )


def _readout(story: Story, reason: str, recommendation: str, units: int, estimate: Estimate) -> ReadoutChanged:
    return ReadoutChanged(
        experiment_id=story.experiment,
        problem_id=story.problem,
        reason=reason,  # type: ignore[arg-type]  # one of the reasons; checked when the event is made
        recommendation=recommendation,  # type: ignore[arg-type]  # likewise
        units=units,
        summary=f"{100 * estimate.effect:.1f} points after {units} units",
        estimate=estimate,
    )


def _estimate(effect: float, lower: float, upper: float) -> Estimate:
    return Estimate(arm="link", effect=effect, lower=lower, upper=upper, method="difference of proportions, Newcombe")


def _decision(story: Story) -> None:
    why = {
        "decision_id": story.decision,
        "problem_id": story.problem,
        "title": "Let patients move their own appointment",
        "choice": "Put a link that moves the appointment into every confirmation, for all practices.",
        "reason": "A third of the calls are about it, and the link works for those who could not reach anybody.",
        "alternatives": (
            Alternative(title="A booking phone bot", why_not="Costs per call, and patients said they avoid calling."),
            Alternative(title="Change nothing", why_not="The calls grow with every practice."),
        ),
        "experiment_ids": (story.experiment,),
        "objective_ids": (story.objective,),
        "evidence": (EvidenceRef(kind="feedback", ref=str(story.feedback[1]), note="why the phone is no way out"),),
    }
    concern = Position(stakeholder="Support", position="concern", comment="What if they move at the last minute?")
    agreed = Position(stakeholder="Engineering", position="agree", comment="Two weeks of work.")
    earlier = Position(stakeholder="Engineering", position="object", comment="No time before spring.")
    story.say(
        DecisionProposed(**why, proposed_by="maria"),
        *(PositionTaken(decision_id=story.decision, position=position) for position in (concern, earlier, agreed)),
        DecisionMade(
            **why,
            made_by="dana",
            review_on=date(2027, 1, 15),
            answer_to_concerns="Moves are possible until 12 hours before; after that the link shows the phone number.",
            positions=(concern, agreed),
        ),
    )
    _aftermath(story)


def _aftermath(story: Story) -> None:
    told = {
        "subscription_id": uuid4(),
        "told_event_id": uuid4(),
        "told_type": DecisionMade.TYPE,
        "told_about": f"decision/{story.decision}",
    }
    delivery = uuid4()
    story.say(
        NotificationDelivered(**told, delivery_id=uuid4(), subscriber="support team", attempts=1),
        NotificationExhausted(
            **told, delivery_id=delivery, subscriber="sales channel", attempts=8, last_error="connection refused"
        ),
        NotificationDelivered(**told, delivery_id=delivery, subscriber="sales channel", attempts=9),
        DecisionReviewed(
            decision_id=story.decision, outcome="too_early", learned="Only two weeks of figures.", reviewed_by="dana"
        ),
        DecisionReviewed(
            decision_id=story.decision,
            outcome="better",
            learned="Calls about moving fell by 41 percent, more than hoped.",
            reviewed_by="dana",
        ),
        LoopClosed(problem_id=story.problem, decision_id=story.decision, outcome="better"),
    )
