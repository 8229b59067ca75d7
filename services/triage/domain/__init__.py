"""What triage knows of problems: what a report is, what a problem is worth, and what is still unanswered. Pure."""

from services.triage.domain.brief import (
    ASKED_FIRST,
    GAP_REPORTS,
    GAPS_A_WEEK,
    QUESTIONS,
    clarity_of,
    gaps_of,
    next_week,
    unfounded,
    week_of,
)
from services.triage.domain.opening import WORDLESS, first_statement, opened_by
from services.triage.domain.report import Report, report_of
from services.triage.domain.worth import (
    COLDEST,
    EPOCH,
    HALF_LIFE,
    TOLD_AGAIN,
    Standing,
    Sums,
    Weights,
    heat_of,
    previously_told,
    severity_of,
    worth_telling,
)

NO_WORDS = "(the words were erased)"
LIVING = ("open", "decided")  # the status of a problem that has evidence of its own

__all__ = [
    "ASKED_FIRST",
    "COLDEST",
    "EPOCH",
    "GAPS_A_WEEK",
    "GAP_REPORTS",
    "HALF_LIFE",
    "LIVING",
    "NO_WORDS",
    "QUESTIONS",
    "TOLD_AGAIN",
    "WORDLESS",
    "Report",
    "Standing",
    "Sums",
    "Weights",
    "clarity_of",
    "first_statement",
    "gaps_of",
    "heat_of",
    "next_week",
    "opened_by",
    "previously_told",
    "report_of",
    "severity_of",
    "unfounded",
    "week_of",
    "worth_telling",
]
