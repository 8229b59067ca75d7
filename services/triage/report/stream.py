"""`whystream group --jsonl`: JSON lines in, JSON lines out, each answered as soon as it can be.

In: `{"id", "text"}`, and `lang` when it is known. Out: `{"id", "cluster", "confidence"}`; a cluster of null is none. An
id is said again when hindsight moves it; the last statement counts.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from services.triage.embedding.embedder import Embedder
from services.triage.report.run import Run, Stated

_AT_ONCE = 256


class LineWrong(ValueError):
    """A line is not an object with an id and a text."""


def answer_lines(embedder: Embedder, source: IO[bytes], out: IO[str]) -> None:
    """Answer every line of `source`, look back once more at its end. Raises LineWrong."""
    run, ids = Run(embedder), []
    for lines in _arriving(source):
        documents = [_read(number, line) for number, line in enumerate(lines, len(ids) + 1)]
        ids += [document["id"] for document in documents]
        texts = [document["text"] for document in documents]
        _write(out, ids, run.place(texts, [str(document.get("lang") or "") for document in documents]))
        out.flush()
    _write(out, ids, run.look_back())
    out.flush()


def _arriving(source: IO[bytes]) -> Iterator[list[bytes]]:
    """Lines as they come, at most 256 at once; never waits for a second one."""
    queue: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_pump, args=(source, queue), daemon=True).start()
    ended = False
    while not ended:
        lines, line = [], queue.get()
        while line is not None and len(lines) < _AT_ONCE:
            if line.strip():
                lines.append(line)
            try:
                line = queue.get_nowait() if len(lines) < _AT_ONCE else b""
            except Empty:
                break
        ended = line is None
        if lines:
            yield lines


def _pump(source: IO[bytes], queue: "SimpleQueue[bytes | None]") -> None:
    for line in source:
        queue.put(line)
    queue.put(None)


def _read(number: int, line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineWrong(f"line {number} is not JSON in UTF-8: {error}") from None
    if not isinstance(document, dict) or "id" not in document or not isinstance(document.get("text"), str):
        raise LineWrong(f'line {number} must be an object with "id" and a "text"')
    return document


def _write(out: IO[str], ids: Sequence[Any], stated: Iterator[Stated]) -> None:
    for one in stated:
        answer = {"id": ids[one.item], "cluster": one.problem}
        if one.confidence is not None:
            answer["confidence"] = round(one.confidence, 4)
        out.write(json.dumps(answer) + "\n")


def standard_lines(embedder: Embedder) -> None:
    """From standard input to standard output."""
    answer_lines(embedder, sys.stdin.buffer, sys.stdout)
