"""Which use case each event reaches."""

from contracts.alignment import DecisionMade, ObjectiveSet
from contracts.experiments import ExperimentConcluded
from contracts.feedback import FeedbackErased, FeedbackReceived
from libs.messaging.handlers import Handlers, on
from services.triage.use_cases.forget_feedback import forget_feedback
from services.triage.use_cases.mark_decided import mark_decided
from services.triage.use_cases.set_objective import set_objective
from services.triage.use_cases.suggest_from_experiment import suggest_from_experiment
from services.triage.use_cases.triage_feedback import triage_feedback

HANDLERS = Handlers(
    on(FeedbackReceived, triage_feedback, together=True),
    on(FeedbackErased, forget_feedback, together=True),
    on(ObjectiveSet, set_objective),
    on(ExperimentConcluded, suggest_from_experiment),
    on(DecisionMade, mark_decided),
)
