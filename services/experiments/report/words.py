"""What may be claimed from an analysis, and what may not, in sentences."""

from math import ceil

from services.experiments.report.analysis import UNPLANNED, Analysis, Answer, Compared
from services.experiments.report.scale import Scale
from services.experiments.statistics.effect import MINIMUM_EVENTS, MINIMUM_UNITS

UNTRUSTED = (
    "Nothing is claimed: the units do not fall on the arms as they should, so that no number of any arm can be "
    "trusted. Find out why first (assignment, logging, redirects, bots), or say the true shares with --weights."
)
CROSSED = (
    "Nothing is claimed: more than 1 % of the units were seen in two arms, so that the arms are not what they are "
    "called. Find out how a unit can change its arm."
)
_HIDDEN = {
    "no_units": "an arm has no units",
    "insufficient_data": "an arm has fewer than two units",
    "too_few_units": f"an arm has fewer than {MINIMUM_UNITS} units",
    "too_few_conversions": f"fewer than {MINIMUM_EVENTS} units converted, or fewer than {MINIMUM_EVENTS} did not",
    "zero_variance": "all units of an arm have the same value",
    "unusable": "the numbers are too large, or contradict each other",
}


def scale_of(analysis: Analysis) -> Scale:
    """For every interval of the report."""
    answers = [answer for one in analysis.compared for answer in (one.whenever, one.once)]
    return Scale.of(analysis.kind, [answer.interval for answer in answers if answer.interval])


def claims(analysis: Analysis) -> tuple[list[str], list[str]]:
    """The sentences that may be said, and those that may not."""
    if not analysis.trusted:
        return [], [UNTRUSTED if analysis.sample_ratio.status == "broken" else CROSSED]
    claimed: list[str] = []
    not_claimed: list[str] = []
    for one in analysis.compared:
        answer = analysis.answer(one)
        (claimed if answer.verdict in ("higher", "lower") else not_claimed).append(_sentence(analysis, one, answer))
    if any(analysis.answer(one).verdict == "open" for one in analysis.compared):
        not_claimed.append(
            "That there is no effect is not claimed either: 0 is one of the values that remain possible."
        )
    not_claimed += [_tempting(one) for one in analysis.compared if _tempts(analysis, one)]
    not_claimed.append("The size of a lift is shown, not tested; how long an effect lasts is not known from this.")
    return claimed, not_claimed


def why_they_differ(analysis: Analysis) -> str:
    """One line on the two answers."""
    ratios = []
    for one in analysis.compared:
        whenever, once = one.whenever.interval, one.once.interval
        if whenever and once and once.upper > once.lower:
            ratios.append((whenever.upper - whenever.lower) / (once.upper - once.lower))
    if not ratios:
        return "The numbers do not allow both answers, so that there is nothing to compare."
    return (
        "Why they differ: each look is another chance to be fooled by luck. 'Once' is right for one look, at a moment "
        f"chosen before the data; 'whenever' holds over all looks together, and is {max(ratios):.2f} times as wide."
    )


def notes(analysis: Analysis) -> list[str]:
    """On what the numbers rest, where it is not obvious."""
    found = []
    if analysis.question.planned is None:
        said = "No --planned size: 'whenever' is narrowest near"
        found.append(
            f"{said} {UNPLANNED:,.0f} units in two arms. Give the size you planned, not one chosen after looking."
        )
    if len(analysis.compared) > 1:
        found.append(
            f"{len(analysis.compared)} treatments share alpha {analysis.question.alpha:g}: each gets "
            f"{analysis.alpha_each:.3g} (Bonferroni)."
        )
    if any(one.once.small for one in analysis.compared):
        found.append("The counts are small: the intervals are Newcombe's, which are made for that, and have no p.")
    if analysis.excluded:
        found.append(f"Units seen in two arms count in none: {analysis.excluded:,} here.")
    return found


def ratio_sentence(analysis: Analysis) -> str:
    """Whether the units fell on the arms as they should."""
    ratio, p = analysis.sample_ratio, analysis.sample_ratio.p_value
    if p is None:
        return "Sample ratio: too few units to check it."
    value = f"p = {p:.2g}" if p >= 1e-99 else "p < 1e-99"
    if ratio.status == "broken":
        return f"Sample ratio: BROKEN ({value}, below 0.001)."
    return f"Sample ratio: as it should be, as far as chance lets one tell ({value})."


def _sentence(analysis: Analysis, one: Compared, answer: Answer) -> str:
    what = "rate" if analysis.kind == "conversion" else "mean"
    found, why = answer.interval, _HIDDEN.get(answer.estimate.status, answer.estimate.status)
    if found is None:
        return f"{one.arm.name}: there is no interval, because {why}."
    scale = scale_of(analysis)
    shown = f"{scale.amount(found.effect)} {scale.interval(found)}"
    if answer.verdict == "hidden":
        return f"{one.arm.name}: {shown} is shown and not claimed, because {why}."
    if answer.verdict == "open":
        return f"Whether {one.arm.name} raises or lowers the {what} is open: {shown}."
    verb = "raises" if answer.verdict == "higher" else "lowers"
    condition = "whenever you look" if analysis.question.look == "whenever" else "if this was the only look"
    confidence = f"{(1 - analysis.alpha_each) * 100:.4g} %"
    return f"{one.arm.name} {verb} the {what}: {shown}, at {confidence} confidence {condition}."


def _tempts(analysis: Analysis, one: Compared) -> bool:
    by_whenever, by_once = one.whenever.verdict, one.once.verdict
    return analysis.question.look == "whenever" and by_once in ("higher", "lower") and by_whenever == "open"


def _tempting(one: Compared) -> str:
    return (
        f"{one.arm.name}: one fixed look would have called this a difference. It may be called that (--once) only if "
        "the moment was chosen before the data came, and nobody would have stopped earlier."
    )


def next_step(analysis: Analysis) -> str | None:
    """What to do about an open answer."""
    if not analysis.trusted or all(analysis.answer(one).verdict in ("higher", "lower") for one in analysis.compared):
        return None
    control = analysis.arms[0].summary
    if analysis.kind == "conversion":
        if not 0 < control.mean < 1:
            return None
        baseline = f"--baseline {control.mean * 100:.4g}%"
    else:
        if control.n < 2 or control.m2 <= 0:
            return None
        baseline = f"--mean {control.mean:.6g} --sd {(control.m2 / (control.n - 1)) ** 0.5:.6g}"
    units = ceil(sum(arm.summary.n for arm in analysis.arms))
    return f"What so many units can detect: whystream plan-experiment {baseline} --units {units}"
