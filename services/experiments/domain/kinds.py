"""What each kind of experiment is able to say, and what its registration needs for that. Pure."""

from dataclasses import dataclass

from contracts.experiments import ExperimentKind


@dataclass(frozen=True)
class Traits:
    """`arms`: how many, at least and at most. With one arm it is compared with the registered baseline.

    `observed`: product tools send exposures and outcomes; otherwise a person enters findings. `randomised`: units are
    drawn into arms, so that shares, double exposure and arms that fall behind can be judged. `strength`: how much a
    clear result says about an assumption, from 0 to 1. `caveat`: what may never be claimed from it. `falls_short`: why
    a good result is no reason to ship, and what to test next; None if it is one.
    """

    arms: tuple[int, int]
    observed: bool
    randomised: bool
    strength: float
    caveat: str | None = None
    falls_short: str | None = None


_OF_FEW = (
    "It is not claimed for people other than those who were asked, nor that they would do what they say: they were "
    "chosen, not drawn."
)
_WORDS_ONLY = "people said so, and that they do it is not shown: test what they do, with a fake door or an A/B test"

KINDS: dict[ExperimentKind, Traits] = {
    "ab": Traits((2, 10), observed=True, randomised=True, strength=1.0),
    "fake_door": Traits(
        (1, 10),
        observed=True,
        randomised=True,
        strength=0.8,
        caveat="Interest is measured, not use: that those who open a door would stay behind it is not claimed.",
        falls_short=(
            "interest is shown and use is not: build the smallest thing that can be used, and test it as an A/B test"
        ),
    ),
    "pre_post": Traits(
        (2, 2),
        observed=True,
        randomised=False,
        strength=0.5,
        caveat=(
            "Units were not drawn into the arms: that the change is the cause is not claimed, because everything else "
            "that differs between the two periods (season, campaigns, who came) may be it."
        ),
        falls_short="that the change is the cause is not shown: test it as an A/B test, with units drawn into arms",
    ),
    "prototype": Traits(
        (1, 1),
        observed=False,
        randomised=False,
        strength=0.5,
        caveat=_OF_FEW,
        falls_short=(
            "a few could do it when they were asked to, and that others will is not shown: test what people do, with a "
            "fake door or an A/B test"
        ),
    ),
    "interview": Traits(
        (1, 1), observed=False, randomised=False, strength=0.4, caveat=_OF_FEW, falls_short=_WORDS_ONLY
    ),
    "survey": Traits(
        (1, 1),
        observed=False,
        randomised=False,
        strength=0.4,
        caveat=(
            "People said it, and those who answer may differ from those who do not: what they would do is not claimed."
        ),
        falls_short=_WORDS_ONLY,
    ),
}
