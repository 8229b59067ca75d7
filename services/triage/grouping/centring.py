"""What all evidence has in common is taken out of each vector, so that cosines tell what is particular. Pure.

The mean of what was seen is subtracted and the rest brought to unit length (Mu and Viswanath, "All-but-the-top", 2018).
A multilingual model's vectors also share their language: there, each language's own mean is subtracted.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.window import Floats

_BELIEVED = 4.0  # items that a mean must have seen to count half: a mean of two is mostly the two
_LANGUAGE_BELIEVED = 30.0


class Centring:
    """The means in use. They change only with `learned`, so that vectors compared with each other are centred alike."""

    def __init__(self, dimensions: int, *, multilingual: bool = False) -> None:
        self.multilingual = multilingual
        self.languages: list[str] = []
        self.means = np.zeros((1, dimensions), np.float32)  # of all, then of each language

    def codes(self, languages: Sequence[str]) -> NDArray[np.int16]:
        """A number for each language, from 1; 0 for all when languages make no difference."""
        if not self.multilingual:
            return np.zeros(len(languages), np.int16)
        for language in languages:
            if language not in self.languages:
                self.languages.append(language)
        return np.array([self.languages.index(language) + 1 for language in languages], np.int16)

    def language_of(self, code: int) -> str:
        """What `codes` gave this number for; "und" when languages make no difference."""
        return self.languages[code - 1] if code else "und"

    def centred(self, raw: NDArray[np.floating], codes: NDArray[np.int16]) -> Floats:
        """Unit vectors of what is particular; those of a language without a mean are centred by the mean of all."""
        known = np.where(codes < len(self.means), codes, 0)
        rest = raw.astype(np.float32) - self.means[known]
        return rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-6)

    def learned(self, raw: NDArray[np.floating], codes: NDArray[np.int16], slots: NDArray[np.int32]) -> "Centring":
        """Centring by the means of this evidence, believed the more the more there is.

        A problem counts with the square root of its size, so that a flood of one thing is not what all have in common.
        """
        fresh = Centring(raw.shape[1], multilingual=self.multilingual)
        fresh.languages = list(self.languages)
        weight = _weights(slots)[:, None]
        vectors = raw.astype(np.float32) * weight
        mean = vectors.sum(axis=0) / (weight.sum() + _BELIEVED)
        means = [mean]
        for code in range(1, len(fresh.languages) + 1):
            own = codes == code
            total = vectors[own].sum(axis=0) + _LANGUAGE_BELIEVED * mean
            means.append(total / (weight[own].sum() + _LANGUAGE_BELIEVED))
        fresh.means = np.stack(means)
        return fresh


def _weights(slots: NDArray[np.int32]) -> Floats:
    """One over the root of the size of each row's problem; one for a row without."""
    sizes = np.bincount(slots[slots >= 0], minlength=1)
    return np.where(slots >= 0, 1 / np.sqrt(np.maximum(sizes[np.maximum(slots, 0)], 1)), 1.0).astype(np.float32)
