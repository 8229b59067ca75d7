"""A person's options as what is asked, each checked with what to write instead."""

from collections.abc import Sequence

from services.experiments.report.arms import MOST_ARMS, Arm, number, printable, share
from services.experiments.report.errors import CalledWrongly
from services.experiments.report.plan import Direction, Metric

_SMALLEST_SHARE = 0.001


def weights_of(text: str, names: Sequence[str] | None = None) -> tuple[float, ...]:
    """`1,1,2`: the control's first, or `NAME=1,NAME=1` in any order when the arms have names."""
    parts = [part.strip() for part in text.replace(":", ",").split(",")]
    if names is not None and all("=" in part for part in parts):
        named = {name.strip(): weight for name, _, weight in (part.rpartition("=") for part in parts)}
        if set(named) != set(names) or len(parts) != len(names):
            raise CalledWrongly("--weights", f"name each arm once: {', '.join(names)}")
        parts = [named[name] for name in names]
    weights = tuple(number(part, "--weights", "weight") for part in parts)
    if names is not None and len(weights) != len(names):
        raise CalledWrongly("--weights", f"give one weight for each of the {len(names)} arms, the control's first")
    if len(weights) > MOST_ARMS:
        raise CalledWrongly("--weights", f"at most {MOST_ARMS} arms are compared at once")
    if len(weights) < 2 or min(weights) <= 0 or min(weights) / sum(weights) < _SMALLEST_SHARE:
        raise CalledWrongly("--weights", "give two or more weights above 0, each at least 0.1 % of all, like 1,1")
    return weights


def weights_for(arms: Sequence[Arm], text: str | None) -> tuple[float, ...] | None:
    return None if text is None else weights_of(text, [arm.name for arm in arms])


def columns_of(mapped: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """`FIELD=COLUMN` pairs."""
    found: dict[str, str] = {}
    for pair in mapped:
        field, equals, column = pair.partition("=")
        if not equals or field.strip() not in fields or not column.strip():
            said = f"'{printable(pair)}' is no FIELD=COLUMN; the fields are {', '.join(fields)}"
            raise CalledWrongly("--map", said)
        found[field.strip()] = column.strip()
    return found


def metric_of(baseline: str | None, mean: str | None, deviation: str | None) -> Metric:
    """A rate, or a mean with its standard deviation."""
    if (baseline is None) == (mean is None):
        raise CalledWrongly("--baseline", "give the control's rate (--baseline 4.8%), or its --mean and --sd")
    if baseline is not None:
        if deviation is not None:
            raise CalledWrongly("--sd", "a rate needs no standard deviation: it follows from the rate; leave it out")
        rate = share(baseline, "--baseline")
        if not 0 < rate < 1:
            raise CalledWrongly("--baseline", f"a rate lies between 0 and 1: write 4.8% or 0.048, not {rate:g}")
        return Metric(rate)
    if deviation is None:
        raise CalledWrongly("--sd", "a mean needs its standard deviation per unit: add --sd")
    spread = number(deviation, "--sd")
    if spread <= 0:
        raise CalledWrongly("--sd", "the standard deviation must be above 0")
    return Metric(number(mean or "", "--mean"), spread)


def effect_of(effect: str | None, lift: str | None, metric: Metric, direction: Direction | None) -> float | None:
    """The absolute effect, signed: below 0 as written, or by the direction; None if none was given."""
    if effect is not None and lift is not None:
        raise CalledWrongly("--lift", "give the effect once: absolute with --effect, or relative with --lift")
    if lift is not None:
        option, found = "--lift", share(lift, "--lift") * abs(metric.baseline)
        if metric.baseline == 0:
            raise CalledWrongly(option, "there is no lift over 0; give the effect with --effect")
    elif effect is not None:
        option, found = "--effect", (share if metric.deviation is None else number)(effect, "--effect")
    else:
        return None
    if found == 0:
        raise CalledWrongly(option, "an effect of 0 cannot be seen; give the smallest one that is worth acting on")
    if found < 0 and direction == "increase":
        raise CalledWrongly("--direction", "the effect is below 0 and the direction is up; leave one of them out")
    signed = -abs(found) if direction == "decrease" else found
    if metric.deviation is None and not 0 < metric.baseline + signed < 1:
        raise CalledWrongly(
            option,
            f"this leads to a rate of {(metric.baseline + signed) * 100:.4g} %, which is none; an absolute effect is "
            "written 0.6pp or 0.006, a relative one --lift 10%",
        )
    return signed
