"""What an estimate answers: of one metric in plain numbers, or of many in arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.experiments.statistics.contrast import STATUSES, Status
from services.experiments.statistics.moments import Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its bounds."""

    effect: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Treatment minus control. `absolute` is None unless `status` is ok; no interval is ever made up.

    `relative` is the lift over the control's mean, None where that is not above 0. It is shown, never tested.
    `effect` is there whenever both arms have units.
    `small_sample` is for conversions whose main interval is withheld: Newcombe's, with the same multiplier.
    `alpha_spent` is what looking until now may have used of alpha; `variance_reduction` is CUPED's gain, 0 to 1.
    """

    status: Status
    absolute: Interval | None = None
    relative: Interval | None = None
    method: str = ""
    effect: float | None = None
    error: float | None = None
    p_value: float | None = None
    multiplier: float | None = None
    alpha_spent: float | None = None
    small_sample: Interval | None = None
    variance_reduction: float | None = None


@dataclass(frozen=True, slots=True)
class Estimates:
    """The same for many metrics at once: arrays, NaN where nothing may be claimed. `at` gives one in plain numbers."""

    codes: NDArray[np.int8]
    effect: Floats
    error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    multiplier: Floats
    lift: Floats
    lift_lower: Floats
    lift_upper: Floats
    small_lower: Floats
    small_upper: Floats
    alpha_spent: Floats
    variance_reduction: Floats
    method: str

    @property
    def status(self) -> NDArray[np.str_]:
        return np.array(STATUSES)[self.codes]

    def at(self, index: int | tuple[int, ...] = ()) -> Estimate:
        def number(values: Floats) -> float | None:
            found = float(values[index])
            return None if np.isnan(found) else found

        return Estimate(
            status=STATUSES[int(self.codes[index])],
            absolute=_interval(number(self.effect), number(self.lower), number(self.upper)),
            relative=_interval(number(self.lift), number(self.lift_lower), number(self.lift_upper)),
            method=self.method,
            effect=number(self.effect),
            error=number(self.error),
            p_value=number(self.p_value),
            multiplier=number(self.multiplier),
            alpha_spent=number(self.alpha_spent),
            small_sample=_interval(number(self.effect), number(self.small_lower), number(self.small_upper)),
            variance_reduction=number(self.variance_reduction),
        )


def _interval(effect: float | None, lower: float | None, upper: float | None) -> Interval | None:
    if effect is None or lower is None or upper is None:
        return None
    return Interval(effect, lower, upper)
