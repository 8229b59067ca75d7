"""Draw problems as a person reads them: statement, words, quotes, request and wording, from a sample of evidence."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from contracts.problems import ProblemDescribed
from services.triage.domain.wording import severity_in_words
from services.triage.embedding.language import UNSURE, languages_of
from services.triage.grouping.portrait import MOST_READ, Heard, Portrait, draw, word_vectors
from services.triage.store.names import Name
from services.triage.store.portraits import Drawn, Due, Sampled
from services.triage.store.problems import Head
from services.triage.store.work import TriageWork
from services.triage.use_cases.settle import settle

log = structlog.get_logger("portraits")
AT_ONCE = 20
_OTHERS = 1_000


@dataclass(frozen=True, slots=True)
class Sitting:
    """What portraits are drawn from: the claimed problems' samples, and the stems of the workspace's newest words."""

    due: Sequence[Due]
    samples: Mapping[UUID, Sequence[Sampled]]
    newest: Sequence[tuple[UUID | None, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Finished:
    """A claimed problem with what was drawn of it; None when nothing in it has words."""

    due: Due
    portrait: Portrait | None
    drawn: Drawn


async def sit(work: TriageWork) -> Sitting:
    """Claim some problems whose portrait is due, with their samples. Commit before drawing: it takes time."""
    portraits = await work.portraits()
    due = await portraits.claim(now=work.now, most=AT_ONCE)
    samples = {one.problem_id: await portraits.sample(one.problem_id, most=MOST_READ) for one in due}
    return Sitting(due, samples, await portraits.newest(most=_OTHERS) if due else ())


async def draw_all(sitting: Sitting) -> list[Finished]:
    """Draw them beside the event loop. One that cannot be drawn is left out, and logged, and spoils no other."""
    everybody = Counter(term for _, terms in sitting.newest for term in terms)
    finished = []
    for one in sitting.due:
        mine = [terms for problem_id, terms in sitting.newest if problem_id == one.problem_id]
        others = everybody - Counter(term for terms in mine for term in terms)
        sample = sitting.samples[one.problem_id]
        try:
            drawn = await asyncio.to_thread(_draw, one, sample, others, len(sitting.newest) - len(mine))
        except Exception:
            log.exception("a portrait cannot be drawn", problem_id=str(one.problem_id))
            drawn = Finished(one, None, Drawn())
        finished.append(drawn)
    return finished


async def hang(finished: Sequence[Finished], work: TriageWork) -> None:
    """Keep what was drawn, unless words were taken out meanwhile; rank anew, and say what reads differently now."""
    if not finished:
        return
    await work.alone()
    portraits = await work.portraits()
    heads = await (await work.problems()).heads([one.due.problem_id for one in finished])
    kept: list[tuple[Finished, Drawn]] = []
    stated: dict[UUID, tuple[str, UUID | None]] = {}
    for one in finished:
        problem_id, portrait = one.due.problem_id, one.portrait
        head = heads.get(problem_id)
        if head is None or not head.living or portrait is None:
            await portraits.give_up(one.due)
            continue
        before = await portraits.find(problem_id)
        if await portraits.keep(one.due, one.drawn, reports=head.standing.sums.reports, now=work.now):
            kept.append((one, before))
            stated[problem_id] = (portrait.statement, portrait.stated_by)
    await settle(stated, work, drawn=stated)
    for one, before in kept:
        await _say(one, before, heads[one.due.problem_id], stated[one.due.problem_id][0], work)


async def _say(one: Finished, before: Drawn, head: Head, statement: str, work: TriageWork) -> None:
    problem_id, drawn, names = one.due.problem_id, one.drawn, await work.names()
    if drawn.voices > 1:
        await names.ask(problem_id, drawn.quotes, now=work.now)
    if _reads(drawn) != _reads(before) or statement != head.statement:
        work.record(described(problem_id, statement, drawn, await names.find(problem_id)))


def described(problem_id: UUID, statement: str, drawn: Drawn, name: Name | None) -> ProblemDescribed:
    """What is said of a portrait."""
    text, source, voices = drawn.request or (None, None, 0)
    return ProblemDescribed(
        problem_id=problem_id,
        statement=statement,
        terms=tuple(word for word, _, _ in drawn.terms),
        quotes=tuple(drawn.quotes),
        request=text,
        request_from=source,
        requests=voices,
        signs=dict(drawn.signs),
        languages=dict(drawn.languages),
        name=name.text if name else None,
        named_by=name.named_by if name else None,
    )


def vectors_of(sample: Sequence[Sampled]) -> tuple[str, NDArray[np.floating]]:
    """A unit vector for each, and whose: those stored with the evidence; their words, unless one embedder made all."""
    embedders = {one.embedder if one.vector else None for one in sample}
    if len(embedders) == 1 and (embedder := embedders.pop()):
        stored = b"".join(one.vector or b"" for one in sample)
        return embedder, np.frombuffer(stored, np.float16).reshape(len(sample), -1).astype(np.float32)
    return "words", word_vectors([one.text for one in sample])


def _draw(due: Due, sample: Sequence[Sampled], others: Mapping[str, int], reports: int) -> Finished:
    heard = [Heard(one.feedback_id, one.text, one.voice, one.named) for one in sample]
    embedder, vectors = vectors_of(sample)
    portrait = draw(heard, vectors, others, reports)
    if portrait is None:
        return Finished(due, None, Drawn())
    spoken = languages_of([one.text for one in sample], [one.language for one in sample])
    wording = severity_in_words((one.voice, one.text) for one in sample)
    request = portrait.request
    drawn = Drawn(
        terms=[(term.word, term.z, term.voices) for term in portrait.terms],
        quotes=portrait.quotes,
        request=(request.text, request.feedback_id, request.voices) if request else None,
        wording=wording.weight,
        voices=wording.voices,
        signs=wording.signs,
        languages=dict(Counter(one for one in spoken if one != UNSURE).most_common()),
        centroid=portrait.centroid.astype(np.float16).tobytes() if portrait.centroid.any() else None,
        embedder=embedder,
    )
    return Finished(due, portrait, drawn)


def _reads(drawn: Drawn) -> tuple[object, ...]:
    words = [word for word, _, _ in drawn.terms]
    return words, list(drawn.quotes), drawn.request, dict(drawn.signs), dict(drawn.languages)
