"""What a problem is when it opens: an id that only depends on what opened it, and a first statement. Pure."""

from hashlib import sha256
from uuid import UUID

from services.triage.grouping.sentences import sentences_of

LONGEST = 160
WORDLESS = "(no words to name it by)"
_VERSION_7, _VARIANT = 0x7 << 76, 0x2 << 62


def opened_by(feedback_id: UUID) -> UUID:
    """The id of the problem that this feedback opens: a UUIDv7 of its moment, always the same."""
    moment = feedback_id.int >> 80 << 80
    rest = int.from_bytes(sha256(b"problem " + feedback_id.bytes).digest()[:10], "big")
    return UUID(int=moment | (rest & ~(0xF << 76) & ~(0x3 << 62)) | _VERSION_7 | _VARIANT)


def first_statement(text: str) -> str:
    """The first sentence of the words that opened a problem, until a portrait of it is drawn; never empty."""
    sentences = sentences_of(text)
    if sentences:
        return sentences[0]
    plain = "".join(character if character.isprintable() else " " for character in text[: LONGEST * 4])
    return " ".join(plain.split())[:LONGEST] or WORDLESS
