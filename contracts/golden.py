"""The golden samples: one whole CloudEvent per event, byte for byte as it travels.

Edit a sample in any layout; `make contracts` brings it back to the bytes that a service would send.
"""

from dataclasses import replace
from pathlib import Path

from contracts.catalog import BY_TYPE
from contracts.envelope import Envelope, parse, read

FOLDER = Path(__file__).resolve().parent


def sample_path(folder: Path, type_: str) -> Path:
    return folder / "samples" / f"{type_}.json"


def sample(type_: str) -> Envelope:
    """The golden event of a type; raises FileNotFoundError, or EnvelopeInvalid if it is none."""
    return parse(sample_path(FOLDER, type_).read_bytes())


def as_sent(body: bytes) -> str:
    """The same event in the exact layout of the wire: attribute order, no spaces, defaults left out.

    Raises EnvelopeInvalid. An event of a version that the catalogue no longer knows keeps its data as it is.
    """
    envelope = parse(body)
    if envelope.type in BY_TYPE:
        data = read(envelope).model_dump(mode="json", exclude_defaults=True)
        envelope = replace(envelope, data=data)
    return envelope.to_bytes().decode()
