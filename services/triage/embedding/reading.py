"""What an embedder reads of a text: its head and its tail, cleaned of what a person cannot see."""

import re
import unicodedata
from typing import TypeVar

T = TypeVar("T")

LONGEST = 2_048
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Zero-width and direction marks, soft hyphens, variation selectors: they would hide one word inside another.
_UNSEEN = re.compile(r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+")


def readable(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters of valid text on one line, head and tail of what is longer; never raises.

    Lone surrogates become question marks, compatibility forms their plain letters (NFKC), a text that is all capitals
    lower case.
    """
    text = ends(text, longest)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
        text = ends(_UNSEEN.sub("", text), longest)
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return text.lower() if text.isupper() else text


def ends(text: str, longest: int) -> str:
    """The text, or the first and last `longest / 2` characters of a longer one with a space between."""
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]} {text[-half:]}"


def ends_of(items: list[T], most: int) -> list[T]:
    """The items, or the first and last `most / 2` of more."""
    half = most // 2
    return items if len(items) <= most else items[:half] + items[-half:]
