"""Whether units arrive as they were to be drawn, watched at any time. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, inf, log

import numpy as np

from services.experiments.statistics.sample_ratio import THRESHOLD, SequentialSampleRatio, sequential_sample_ratio

# Priors from "a fault that one sees at once" to "a small one that needs very many units to be seen".
_CONCENTRATIONS = (10.0, 100.0, 1_000.0, 10_000.0)


def check_ratio(units: Sequence[int], shares: Sequence[float]) -> SequentialSampleRatio:
    """The sequential Dirichlet-multinomial test of units per arm against their registered shares; broken at p < 0.001.

    The Bayes factors of several priors are averaged: each is an e-value, so that their mean is one too, and p = 1/mean
    holds at every look. One prior alone would see either gross faults late or small ones never.
    """
    found = [sequential_sample_ratio(units, shares, concentration=one) for one in _CONCENTRATIONS]
    factors = [one.log_bayes_factor for one in found]
    combined = float(np.logaddexp.reduce(factors)) - log(len(factors))
    p_value = exp(-combined) if combined > 0 else 1.0
    status = "broken" if p_value < THRESHOLD else "ok"
    return replace(found[0], status=status, p_value=p_value if combined < inf else 0.0, log_bayes_factor=combined)
