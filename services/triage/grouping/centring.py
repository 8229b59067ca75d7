"""What all evidence has in common is taken out of each vector, so that cosines tell what is particular. Pure.

The mean of what was seen is subtracted and the rest brought to unit length (Mu and Viswanath, "All-but-the-top", 2018).
A multilingual model's vectors also share their language: there, each language's own mean is subtracted, and the
directions in which a language varies most are damped to what it varies in the others, so that no language is denser
than another (low-rank whitening, after Yang, Yang, Cer and Darve, "A simple and effective method to eliminate the self
language bias in multilingual representations", 2021).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from services.triage.grouping.window import Floats

_BELIEVED = 4.0  # items that a mean must have seen to count half: a mean of two is mostly the two
_NEARLY_THE_SAME = 0.75  # cosine
_SAMPLE = 1_024
_LANGUAGE_BELIEVED = 10.0
_DAMPED = 16  # directions of each language
_ROWS_A_DIRECTION = 200  # with less evidence what varies most is what there is to tell


class Centring:
    """What is taken out. It changes only with `learned`, so that vectors compared with each other are treated alike.

    `taken` is [1 + languages, 1 + directions, dimensions], of all and then of each language: the mean, and directions
    along which a part of what is left is taken out, as long as the root of that part. `different` is about how many
    different things were said by the evidence that it was learned from.
    """

    def __init__(self, dimensions: int, *, multilingual: bool = False) -> None:
        self.multilingual = multilingual
        self.languages: list[str] = []
        self.different = 0.0
        self.taken = np.zeros((1, 1 + _DAMPED * multilingual, dimensions), np.float32)

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
        """Unit vectors of what is particular; of a language that is not known yet, by what all have in common."""
        # In place: a window's vectors take tens of megabytes.
        rest = raw.astype(np.float32)
        known = np.where(codes < len(self.taken), codes, 0)
        for code in np.unique(known).tolist():
            own = known == code if known.any() else slice(None)
            rest[own] -= self.taken[code, 0]
            directions = self.taken[code, 1:]
            if len(directions):
                rest[own] -= (rest[own] @ directions.T) @ directions
        length = np.sqrt(np.einsum("ij,ij->i", rest, rest))
        rest /= np.maximum(length, 1e-6)[:, None]
        return rest

    def learned(
        self,
        raw: NDArray[np.floating],
        codes: NDArray[np.int16],
        slots: NDArray[np.int32],
        original: NDArray[np.int32],
    ) -> "Centring":
        """Centring by this evidence, believed the more the more there is.

        A flood of one thing is not what all have in common: a problem counts with the square root of its size, what is
        nearly the same counts as one, and a row that is a copy of its `original` does not count at all.
        """
        fresh = Centring(raw.shape[1], multilingual=self.multilingual)
        fresh.languages = list(self.languages)
        vectors = raw.astype(np.float32)
        counted = original == np.arange(len(original))
        # A multilingual model's vectors are all near each other until what they have in common is taken out.
        crowd = _crowd(_apart(vectors) if self.multilingual else vectors, counted)
        fresh.different = float((counted / crowd).sum())
        # Translations crowd too, and must not weigh less in the means of their languages.
        weight = _weights(slots, counted, np.ones_like(crowd) if self.multilingual else crowd)[:, None]
        mean = (weight.T @ vectors)[0] / (weight.sum() + _BELIEVED)
        fresh.taken = np.zeros((1 + len(fresh.languages), *fresh.taken.shape[1:]), np.float32)
        fresh.taken[:, 0] = mean
        if self.multilingual:
            fresh._learn_languages(vectors, codes, weight)
        return fresh

    def _learn_languages(self, vectors: Floats, codes: NDArray[np.int16], weight: Floats) -> None:
        counted, trust = weight[:, 0] > 0, {}
        for code in range(1, len(self.taken)):
            own = counted & (codes == code)
            trust[code] = own.sum() / (own.sum() + _LANGUAGE_BELIEVED)
            if own.any():
                mean = np.average(vectors[own], axis=0, weights=weight[own, 0])
                self.taken[code, 0] += trust[code] * (mean - self.taken[0, 0])
        rest = (vectors - self.taken[codes, 0]) * np.sqrt(weight)
        varies, most = _covariance(rest, weight), int(counted.sum()) // _ROWS_A_DIRECTION
        self.taken[0, 1:] = _widest(varies, most)
        for code, share in trust.items():
            own = codes == code
            self.taken[code, 1:] = _widest(share * _covariance(rest[own], weight[own]) + (1 - share) * varies, most)


def _covariance(rest: Floats, weight: Floats) -> Floats:
    return rest.T @ rest / np.maximum(weight.sum(), 1e-6)


def _widest(covariance: Floats, most: int) -> Floats:
    """Up to `most` directions of the largest variances, [16, d], as long as damps them to the next largest."""
    widest = np.zeros((_DAMPED, len(covariance)), np.float32)
    most = min(most, _DAMPED, len(covariance) - 1)
    if most > 0:
        largest = (len(covariance) - most - 1, len(covariance) - 1)
        variance, direction = eigh(covariance, subset_by_index=largest)
        part = 1 - np.sqrt(np.maximum(variance[0], 1e-9) / np.maximum(variance[1:], 1e-9))
        widest[:most] = (direction[:, 1:] * np.sqrt(np.maximum(part, 0))).T
    return widest


def _weights(slots: NDArray[np.int32], counted: NDArray[np.bool_], crowd: Floats) -> Floats:
    """How much each row counts, one on average; nothing where it is not `counted`."""
    sizes = np.bincount(slots[counted & (slots >= 0)], minlength=int(slots.max(initial=0)) + 1)
    weight = np.where(slots >= 0, 1 / np.sqrt(np.maximum(sizes[np.maximum(slots, 0)], 1)), 1.0)
    weight = np.where(counted, weight / crowd, 0.0)
    return (weight * counted.sum() / np.maximum(weight.sum(), 1e-6)).astype(np.float32)


def _apart(vectors: Floats) -> Floats:
    rest = vectors - vectors.mean(axis=0)
    return rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-6)


def _crowd(vectors: Floats, counted: NDArray[np.bool_]) -> Floats:
    """About how many rows are nearly the same as each, itself counted: by a sample, and one at least."""
    places = np.flatnonzero(counted)
    sample = vectors[places[:: max(1, len(places) // _SAMPLE)]]
    found = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), _SAMPLE):
        own = vectors[start : start + _SAMPLE] @ sample.T
        found[start : start + _SAMPLE] = (own >= _NEARLY_THE_SAME).sum(axis=1)
    return np.maximum(found * len(places) / max(1, len(sample)), 1.0)
