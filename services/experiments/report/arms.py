"""An arm as a person writes it: `480/10000` (conversions of units) or `mean,sd,n`, with a name before `=` if wished."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from services.experiments.report.errors import CalledWrongly
from services.experiments.statistics.summary import Summary

Kind = Literal["conversion", "mean"]
MOST_ARMS = 10
MOST_UNITS = 10**12
_FORMS = "write conversions/units, for example 480/10000, or mean,sd,units, for example 52.4,256.7,44700"


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm's name and what was counted in it."""

    name: str
    kind: Kind
    summary: Summary


def read_arms(control: str, treatments: Sequence[str]) -> list[Arm]:
    """The control first, then each treatment. Raises CalledWrongly, naming the option and what to write instead."""
    if len(treatments) >= MOST_ARMS:
        raise CalledWrongly("--treatment", f"at most {MOST_ARMS - 1} treatments are compared at once")
    arms = [_arm("--control", control, "control")]
    for number, text in enumerate(treatments, start=1):
        arms.append(_arm("--treatment", text, "treatment" if len(treatments) == 1 else f"treatment {number}"))
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        raise CalledWrongly("--treatment", "two arms have the same name; name them, for example blue=480/10000")
    if len({arm.kind for arm in arms}) > 1:
        raise CalledWrongly("--treatment", "one arm has conversions and another a mean; give the same form for all")
    return arms


def of_counts(conversions: int, units: int) -> Summary:
    """The summary of so many ones among so many units."""
    return Summary(units, conversions / units, conversions * (units - conversions) / units) if units else Summary()


def printable(name: str, longest: int = 40) -> str:
    """A name that cannot steer the terminal."""
    line = "".join(one if one.isprintable() else " " for one in " ".join(name.split()))
    return line if len(line) <= longest else line[: longest - 3] + "..."


def share(text: str, option: str) -> float:
    """A number, a percentage (`4.8%`) or percentage points (`0.6pp`). Raises CalledWrongly."""
    written = text.strip().lower()
    for ending in ("%", "pp"):
        if written.endswith(ending):
            return number(written.removesuffix(ending), option) / 100
    return number(written, option)


def number(text: str, option: str, what: str = "number") -> float:
    """A finite number. Raises CalledWrongly."""
    try:
        value = float(text.replace("_", "x"))
    except ValueError:
        raise CalledWrongly(option, f"'{printable(text)}' is no {what}; use a point for decimals") from None
    if not isfinite(value) or abs(value) > 1e100:
        raise CalledWrongly(option, f"'{printable(text)}' is no {what} that can be computed with")
    return value


def _arm(option: str, text: str, name: str) -> Arm:
    before, named, counts = text.rpartition("=")
    if named:
        name = printable(before)
        if not name.strip():
            raise CalledWrongly(option, f"the name before '=' is empty; {_FORMS}")
    if "/" in counts:
        return Arm(name, "conversion", _conversions(option, counts))
    if counts.count(",") == 2:
        return Arm(name, "mean", _mean(option, counts))
    raise CalledWrongly(option, f"'{printable(text)}' is no arm; {_FORMS}")


def _conversions(option: str, text: str) -> Summary:
    parts = text.split("/")
    if len(parts) != 2:
        raise CalledWrongly(option, f"'{printable(text)}' has more than one '/'; {_FORMS}")
    conversions, units = (_count(option, part) for part in parts)
    if units == 0:
        raise CalledWrongly(option, f"'{printable(text)}' has no units; {_FORMS}")
    if conversions > units:
        raise CalledWrongly(
            option,
            f"{conversions} conversions of {units} units: more conversions than units. The form is conversions/units; "
            "if a unit can convert more than once, give mean,sd,units of its conversions",
        )
    return of_counts(conversions, units)


def _mean(option: str, text: str) -> Summary:
    mean, deviation, units = text.split(",")
    n = _count(option, units)
    if n == 0:
        raise CalledWrongly(option, f"'{printable(text)}' has no units; {_FORMS}")
    spread = number(deviation, option, "standard deviation")
    if spread < 0:
        raise CalledWrongly(option, f"a standard deviation is not negative; {_FORMS}")
    return Summary(n, number(mean, option, "mean"), spread**2 * (n - 1))


def _count(option: str, text: str) -> int:
    written = text.strip()
    if not (written.isascii() and written.isdigit()):
        raise CalledWrongly(option, f"'{printable(text)}' is no count: whole, not negative, without separators")
    count = int(written) if len(written) <= 13 else MOST_UNITS + 1
    if count > MOST_UNITS:
        raise CalledWrongly(option, f"'{printable(written)}' is more than {MOST_UNITS:,} units")
    return count
