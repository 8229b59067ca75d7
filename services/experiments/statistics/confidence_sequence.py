"""How wide an interval must be so that it holds at every look at once, however often and whenever somebody looks."""

from math import log, sqrt


def multiplier(units: int, *, alpha: float, planned_units: float) -> float:
    """Standard errors on each side of the estimate, after `units`, at level 1 - alpha over all looks together.

    Two-sided asymptotic confidence sequence by the normal mixture of Robbins, tightest near `planned_units` (N):

        rho² = (-2·ln(alpha) + ln(-2·ln(alpha) + 1)) / N
        z(n) = sqrt( 2·(n·rho² + 1) / (n·rho²) · ln( sqrt(n·rho² + 1) / alpha ) )

    Sources: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences" (2021), theorem 2.2 and its choice of rho; Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences" (2021), for the mixture. At n = N and alpha = 0.05 it is 3.035,
    where a single look at a moment fixed in advance would need 1.960: that is the price of looking at any time.
    """
    spent = -2 * log(alpha)
    information = units * (spent + log(spent + 1)) / planned_units
    return sqrt(2 * (information + 1) / information * log(sqrt(information + 1) / alpha))
