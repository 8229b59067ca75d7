"""How many texts a second each embedder turns into vectors, in processor time of this process.

    python -m tests.load.embedding [light|quality|multilingual|language …] [--seconds 5]

The texts are the demo's sample, each with words of others mixed in, so that no two are the same. The light embedder has
a bar; the others are told apart by what they cost.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.language import languages_of

SAMPLE = Path(__file__).parents[2] / "libs" / "command" / "demo" / "feedback.jsonl"
BAR = {"light": 12_000}
BATCHES = {"light": 256, "quality": 32, "multilingual": 8, "language": 256}


def texts(words: int) -> Iterator[str]:
    """Texts of about so many words without end: the beginning of one and some words of the others."""
    chosen = random.Random(7)
    said = [json.loads(line)["text"].split() for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    pool = [word for one in said for word in one]
    while True:
        head = chosen.choice(said)[: words // 2]
        yield " ".join([*head, *chosen.choices(pool, k=words - len(head)), str(chosen.randrange(10**6))])


def rate(work: Callable[[list[str]], object], size: int, *, words: int, seconds: float) -> float:
    """Texts per second of processor time; the first batch does not count."""
    source = texts(words)
    work([next(source) for _ in range(size)])
    done, spent = 0, 0.0
    while spent < seconds:
        batch = [next(source) for _ in range(size)]
        began = time.process_time()
        work(batch)
        spent += time.process_time() - began
        done += size
    return done / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", metavar="NAME", help=", ".join(BATCHES))
    parser.add_argument("--seconds", type=float, default=5, help="of processor time, for each figure")
    parser.add_argument("--cache", type=Path, default=Path(".whystream") / "models")
    options = parser.parse_args()
    missed = []
    for name in options.which or BATCHES:
        work = languages_of if name == "language" else choose_embedder(name, cache=options.cache).embed
        for words in (12, 60):
            found = rate(work, BATCHES[name], words=words, seconds=options.seconds)
            bar = BAR.get(name) if words == 12 else None
            missed += [name] if bar and found < bar else []
            shown = f"  (bar {bar:,})" if bar else ""
            print(f"  {name:13} texts of {words} words  {found:9,.0f} texts/s{shown}", flush=True)
    if missed:
        raise SystemExit(f"a figure missed its bar: {', '.join(missed)}")


if __name__ == "__main__":
    main()
