"""The interval of a lift on the logarithm's scale: never below -100 %, and as wide up as it is down."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.experiments.statistics.contrast import MetricKind, baseline, contrast
from services.experiments.statistics.intervals import fixed_multiplier
from services.experiments.statistics.moments import Floats, Moments, as_moments
from services.experiments.statistics.summary import Summary

LiftStatus = Literal["ok", "nonpositive_mean", "withheld"]


def log_ratio_interval(
    control: Moments | Summary,
    treatment: Moments | Summary,
    *,
    kind: MetricKind,
    alpha: float = 0.05,
    multiplier: float | Floats | None = None,
) -> tuple[NDArray[np.str_], Floats, Floats, Floats]:
    """Status, lift, lower and upper bound: exp( ln(m_t/m_c) ± z·sqrt(v_t/m_t² + v_c/m_c²) ) - 1, v = s²/n.

    `multiplier` for z, such as that of the live interval, instead of a single look's. nonpositive_mean where a mean is
    not above 0, withheld where the contrast has no error; then NaN. Source: Fieller's and the log method compared in
    Beyene and Moineddin, "Methods for confidence interval estimation of a ratio parameter" (2005); delta method.
    """
    a, b = as_moments(control), as_moments(treatment)
    found = contrast(a, b, kind=kind)
    with np.errstate(all="ignore"):
        m_c, m_t = baseline(a, kind=kind), baseline(b, kind=kind)
        error = np.sqrt(found.of_treatment / m_t**2 + found.of_control / m_c**2)
        positive = (m_c > 0) & (m_t > 0)
        usable = positive & (found.codes == 0) & np.isfinite(error)
        center = np.where(usable, np.log(m_t) - np.log(m_c), np.nan)
        half = (fixed_multiplier(alpha) if multiplier is None else multiplier) * error
        counted = (a.n > 0) & (b.n > 0)
        status = np.where(usable, "ok", np.where(counted & ~positive, "nonpositive_mean", "withheld"))
        return status, np.expm1(center), np.expm1(center - half), np.expm1(center + half)
