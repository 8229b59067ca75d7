"""How fast and how large the grouping engine is: `python -m tests.load.grouping [ITEMS]`, on one core.

Texts in, assignments out, with the light embedder: the hot path without and with its looks back, and the memory that
the process has taken. Where WHYSTREAM_LABELLED names CSV files with the columns text and label (separated by colons),
each is streamed in a shuffled order, and what was found is compared with the labels: normalised mutual information
(NMI) and adjusted Rand index (ARI), at arrival and after the last look back, and how well confidence tells right from
wrong (AUROC).
"""

import csv
import json
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from uuid import UUID

import numpy as np

from libs.command.demo.words import SAMPLE
from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.embedder import Embedder
from services.triage.grouping.engine import Engine
from services.triage.grouping.items import Item
from services.triage.grouping.regroup import regroup

ITEMS = 75_000
_AT_ONCE = 500


def mixed(count: int) -> Iterator[str]:
    """Texts like the demo's, each of its own: one of its sentences, with words of others worked in."""
    chance = random.Random(7)
    known = [json.loads(line)["text"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    words = sorted({word for text in known for word in text.split()})
    for _ in range(count):
        text = chance.choice(known).split()[:24]
        for _ in range(3):
            text.insert(chance.randrange(len(text) + 1), chance.choice(words))
        yield " ".join(text)


def stream(count: int, embedder: Embedder) -> Iterator[tuple[str, float]]:
    """Group so many texts; yields what the seconds went into, piece by piece."""
    engine = Engine(embedder.dimensions, new_problem=lambda key: UUID(int=key.int + (1 << 64)))
    texts = mixed(count)
    for start in range(0, count, _AT_ONCE):
        some = list(islice(texts, _AT_ONCE))
        began = perf_counter()
        vectors = embedder.embed(some)
        engine.assign([Item(UUID(int=start + place), vector) for place, vector in enumerate(vectors)])
        yield "arrival", perf_counter() - began
        if engine.due():
            began = perf_counter()
            engine.apply(regroup(engine.snapshot()))
            yield "looking back", perf_counter() - began


def speed(count: int, embedder: Embedder) -> None:
    """Print items per second and the memory taken."""
    spent, before = {"arrival": 0.0, "looking back": 0.0}, _megabytes()
    for what, seconds in stream(count, embedder):
        spent[what] += seconds
    print(f"{count:,} items, {embedder.version}, one core")
    print(f"  text in to assignment out  {count / spent['arrival']:10,.0f} items/s  (bar 5,000)")
    print(f"  with every look back       {count / sum(spent.values()):10,.0f} items/s")
    print(f"  memory at most             {_megabytes():10,.0f} MB  (bar 512; {before:,.0f} MB before the first item)")


def labelled(path: Path, embedder: Embedder) -> None:
    """Print how what was found agrees with the labels of a file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random.Random(7).shuffle(rows)
    engine = Engine(embedder.dimensions, new_problem=lambda key: UUID(int=key.int + (1 << 64)))
    labels, first, sure = [row["label"] for row in rows], [], []
    now: dict[UUID, UUID | None] = {}
    moves, start = 0, 0
    vectors = np.concatenate(
        [embedder.embed([row["text"] for row in rows[at : at + 512]]) for at in range(0, len(rows), 512)]
    )
    while start < len(rows):
        end = min(len(rows), start + max(1, engine.until_due()))
        for one in engine.assign([Item(UUID(int=place), vectors[place]) for place in range(start, end)]):
            first.append(one.problem)
            sure.append(one.confidence)
            now |= dict.fromkeys((one.key, *one.pulled), one.problem)
        start = end
        if engine.due() or start == len(rows):
            for moved in engine.apply(regroup(engine.snapshot())):
                moves += moved.before is not None
                now[moved.key] = moved.after
    last = [now[UUID(int=place)] for place in range(len(rows))]
    print(f"{path.name}: {len(rows):,} items, {len(set(labels))} labels, {embedder.version}")
    for name, found in (("at arrival", first), ("after looking back", last)):
        nmi, ari = agreement(labels, found)
        print(
            f"  {name:20s} NMI {nmi:.3f}  ARI {ari:.3f}  {len(set(found))} problems, {found.count(None):,} unassigned"
        )
    print(f"  moved {moves / len(rows):.2f} times per item; confidence AUROC {auroc(labels, first, sure):.3f}")


def agreement(labels: Sequence[object], found: Sequence[object]) -> tuple[float, float]:
    """NMI (arithmetic mean) and ARI (Hubert and Arabie 1985); None counts as one group."""
    n, pairs = len(labels), Counter(zip(labels, found, strict=True))
    rows, columns = Counter(labels), Counter(found)
    mutual = sum(c / n * np.log(c * n / (rows[a] * columns[b])) for (a, b), c in pairs.items())
    entropy = [-sum(c / n * np.log(c / n) for c in counts.values()) for counts in (rows, columns)]
    two = [sum(c * (c - 1) / 2 for c in counts.values()) for counts in (pairs, rows, columns)]
    expected = two[1] * two[2] / (n * (n - 1) / 2)
    return float(2 * mutual / sum(entropy)), float((two[0] - expected) / ((two[1] + two[2]) / 2 - expected))


def auroc(labels: Sequence[object], found: Sequence[object], sure: Sequence[float | None]) -> float:
    """How often an item that joined its like (the majority before it) was surer than one that did not."""
    seen: dict[object, Counter[object]] = {}
    right, wrong = [], []
    for label, problem, confidence in zip(labels, found, sure, strict=True):
        before = seen.setdefault(problem, Counter())
        if before and confidence is not None:
            (right if before.most_common(1)[0][0] == label else wrong).append(confidence)
        before[label] += 1
    order = np.argsort(np.argsort(np.array(right + wrong), kind="stable")) + 1
    return float((order[: len(right)].sum() - len(right) * (len(right) + 1) / 2) / max(1, len(right) * len(wrong)))


def _megabytes() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1_048_576 if sys.platform == "darwin" else 1_024)


def main() -> None:
    with TemporaryDirectory() as cache:
        speed(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS, choose_embedder("light", cache=Path(cache)))
        for path in filter(None, os.environ.get("WHYSTREAM_LABELLED", "").split(":")):
            for name in ("light", "auto"):
                labelled(Path(path), choose_embedder(name, cache=Path(cache)))


if __name__ == "__main__":
    main()
