"""What the evidence offers for a problem's brief: suggestions with references, for a person to take or leave. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.event import EvidenceRef
from contracts.problems import Question

_FEW_CUSTOMERS = 5
_ONE_SIDED = 0.8
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a problem. `voices` were read for `signs` and `requests`; `revenue` is in minor units."""

    reports: int
    customers: int
    quotes: Sequence[UUID]
    segments: Mapping[str, int] = field(default_factory=dict)
    plans: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    revenue: Mapping[str, int] = field(default_factory=dict)
    signs: Mapping[str, int] = field(default_factory=dict)
    voices: int = 0
    request: tuple[str, UUID, int] | None = None
    this_week: int = 0
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Words for one question, and the evidence that they were made from."""

    question: Question
    text: str
    evidence: tuple[EvidenceRef, ...]


def suggested(facts: Facts) -> list[Suggestion]:
    """Suggestions for who, impact, success and risks; none without a quote to refer to."""
    quotes = tuple(EvidenceRef(kind="feedback", ref=str(quote)) for quote in facts.quotes)
    if not quotes or not facts.reports:
        return []
    who = Suggestion("who", _who(facts), quotes)
    impact, success = Suggestion("impact", _impact(facts), quotes), Suggestion("success", _success(facts), quotes)
    risks = [Suggestion("risks", risk, quotes) for risk in _risks(facts)]
    found = [one for one in (who, impact, success, *risks) if one.text]
    if facts.request:
        asked, source, voices = facts.request
        text = (
            f"{_count(voices, 'voice')} of {facts.voices} ask for a solution of their own (“{asked}”). It may not solve"
            " the problem: test it before building it."
        )
        found.append(Suggestion("risks", text, (EvidenceRef(kind="feedback", ref=str(source)),)))
    return found


def _who(facts: Facts) -> str:
    if not facts.customers:
        return f"{_count(facts.reports, 'report')} of people who gave no name."
    parts = [f"{_count(facts.customers, 'customer')} in {_count(facts.reports, 'report')}"]
    parts += [
        f"{kind} {_list(counts)}" for kind, counts in (("of", facts.segments), ("on plan", facts.plans)) if counts
    ]
    return ", ".join(parts) + "."


def _impact(facts: Facts) -> str:
    said = [f"{count} “{sign}”" for sign, count in list(facts.signs.items())[:_NAMED]]
    users = f"Of {_count(facts.voices, 'voice')} read, these say so: {', '.join(said)}." if said else ""
    money = [f"{amount / 100:,.2f} {currency}" for currency, amount in sorted(facts.revenue.items()) if amount]
    business = f"The customers who report it bring {' and '.join(money)}." if money else ""
    return " ".join(part for part in (users, business) if part)


def _success(facts: Facts) -> str:
    if facts.expected is None:
        return f"Fewer people report it than the {facts.this_week} of the last 7 days." if facts.this_week else ""
    return f"Clearly fewer than {facts.expected:.1f} people a week report it, which is how many do today."


def _risks(facts: Facts) -> list[str]:
    found = []
    if 0 < facts.customers < _FEW_CUSTOMERS:
        found.append(
            f"Only {_count(facts.customers, 'customer')} said so; others may not have it. Ask some who did not."
        )
    for what, counts in (("source", facts.sources), ("segment", facts.segments)):
        total, largest = sum(counts.values()), max(counts, key=lambda name: counts[name], default="")
        if len(counts) > 1 and total >= _FEW_CUSTOMERS and counts[largest] >= _ONE_SIDED * total:
            found.append(f"{counts[largest] / total:.0%} come from one {what}, {largest}; the others may not have it.")
    return found


def _list(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{name} ({count})" for name, count in ordered[:_NAMED]]
    return ", ".join(named) + (f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else "")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
