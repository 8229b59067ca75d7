"""Find the problem behind each piece of feedback, or open one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from contracts.feedback import FeedbackReceived
from contracts.problems import FeedbackTriaged, ProblemGrew, ProblemOpened
from libs.messaging.work import Message
from services.triage.domain import Report, first_statement, report_of
from services.triage.grouping.engine import VERSION
from services.triage.grouping.items import Item, Placement, Row
from services.triage.grouping.words import stems_of
from services.triage.store.evidence import Place, Placed, Stored, Vector
from services.triage.store.groups import Held
from services.triage.store.memory import Read
from services.triage.store.problems import NewProblem, Settled
from services.triage.store.voices import Spoken
from services.triage.store.work import TriageWork
from services.triage.use_cases.look_back import keep_hindsight, places_in_hindsight
from services.triage.use_cases.place_items import Arrived, place
from services.triage.use_cases.settle import settle

Received = Message[FeedbackReceived]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch as it was placed. `opened` has the first feedback of each new problem; `pulled` was unassigned before."""

    placed: Mapping[UUID, Placed]
    placements: Sequence[Placement]
    opened: Mapping[UUID, NewProblem]
    pulled: Mapping[UUID, Stored]
    places: Mapping[UUID, Place]


async def triage_feedback(messages: Sequence[Received], work: TriageWork) -> None:
    """Every item is assigned and told, once; feedback that is known, or was erased before it came, changes nothing."""
    fresh = {message.event.feedback_id: message for message in messages}
    reports = [report_of(message.event, now=work.now) for message in fresh.values()]
    read = await work.memory.read([report.text for report in reports], [report.language for report in reports])
    await work.alone()
    known = await (await work.evidence()).known(fresh)
    chosen = [index for index, report in enumerate(reports) if report.feedback_id not in known]
    if not chosen:
        return
    reports = [reports[index] for index in chosen]
    read = Read(read.vectors[chosen], [read.languages[index] for index in chosen])
    async with (await work.groups()).changing() as held:
        arrival = await _place(reports, read, held, work)
        heard = await _store(arrival, work)
    last = _announce(arrival, causes=fresh, work=work)
    settled = await settle(last, work, causes=last, more=heard)
    _tell_growth(arrival, settled, causes=fresh, last=last, work=work)


async def _place(reports: Sequence[Report], read: Read, held: Held, work: TriageWork) -> Arrival:
    first = held.engine.seen
    items = [
        Item(report.feedback_id, vector, language)
        for report, vector, language in zip(reports, read.vectors, read.languages, strict=True)
    ]
    # What another embedder or algorithm grouped is left to the job, which knows what must stay.
    placing = asyncio.create_task(asyncio.to_thread(place, held.engine, items, looks=not held.settled_before))
    await asyncio.sleep(0)  # begun: what follows is done while it computes
    terms = [stems_of(report.text) for report in reports]
    arrived = await placing
    placements = arrived.placements
    kept = {row.key: row for row in held.engine.rows([report.feedback_id for report in reports])}
    algorithm = f"{VERSION}+{held.embedder.version}"
    opener = {key: placement for placement in placements for key in placement.pulled}
    places = {one.key: _place_of(one, algorithm, held) for one in placements}
    places |= {key: _joined(key, one, algorithm) for key, one in opener.items()}
    places |= await _with_hindsight(arrived, held, work)
    placed = {
        report.feedback_id: Placed(
            report,
            language,
            terms[index],
            _vector_of(kept[report.feedback_id], held, first + index),
            places[report.feedback_id],
        )
        for index, (report, language) in enumerate(zip(reports, read.languages, strict=True))
    }
    pulled = await (await work.evidence()).find([key for key in opener if key not in placed])
    opened = {}
    for one in placements:
        if one.opens and one.problem:
            # What left the window on the way is older than what is there.
            oldest = min((*one.pulled, one.key), key=lambda key: held.engine.window.row_of.get(key, -1))
            text = placed[oldest].report.text if oldest in placed else pulled[oldest].text
            opened[one.problem] = NewProblem(one.problem, first_statement(text), oldest)
    return Arrival(placed, placements, opened, pulled, places)


async def _with_hindsight(arrived: Arrived, held: Held, work: TriageWork) -> dict[UUID, Place]:
    """Store and tell what looking back on the way did to older evidence; returns the new items that it placed anew."""
    if not arrived.looked:
        return {}
    held.whole = True
    if arrived.moved:
        await keep_hindsight(arrived.moved, arrived.before, held, work)
    problem_of = {one.key: one.problem for one in arrived.placements}
    return places_in_hindsight({key: problem_of[key] for key in arrived.anew}, held)


def _vector_of(row: Row, held: Held, position: int) -> Vector:
    return Vector(row.vector, held.embedder.version, position, row.arrived_in)


def _place_of(one: Placement, algorithm: str, held: Held) -> Place:
    window = held.engine.window
    likest = window.row_of.get(one.nearest[0]) if one.nearest else None
    follows = likest is not None and bool(window.pinned[likest])
    reason = f"a person placed what is most like it; {one.reason}" if follows else one.reason
    return Place(one.problem, _share(one.score), reason, algorithm, max(-1.0, one.margin), one.confidence, one.nearest)


def _joined(key: UUID, opener: Placement, algorithm: str) -> Place:
    """Where something goes that was unassigned until `opener` gave it company."""
    like = dict(zip(opener.nearest, opener.similarity, strict=True)).get(key, opener.score)
    reason = f"something like it arrived ({_share(like):.2f}), and together they are a problem"
    return Place(opener.problem, _share(like), reason, algorithm, nearest=(opener.key,))


def _share(score: float) -> float:
    return max(0.0, min(1.0, score))


async def _store(arrival: Arrival, work: TriageWork) -> dict[UUID, Spoken]:
    """Write all of it in bulk; returns what is heard of each problem beside what was heard before."""
    evidence, problems, voices = await work.evidence(), await work.problems(), await work.voices()
    if arrival.opened:
        await problems.open(list(arrival.opened.values()), now=work.now)
    await evidence.add(list(arrival.placed.values()), now=work.now)
    if arrival.pulled:
        await evidence.put({key: arrival.places[key] for key in arrival.pulled}, now=work.now)
    spoken = [key for key, place in arrival.places.items() if place.problem_id]
    return await voices.add(spoken, await (await work.preferences()).weights())


def _announce(arrival: Arrival, *, causes: Mapping[UUID, Received], work: TriageWork) -> dict[UUID, Received]:
    """Say what happened to each item, its problem's opening first; returns each problem's newest cause."""
    last: dict[UUID, Received] = {}
    joins_later = {key for one in arrival.placements for key in one.pulled}
    for one in arrival.placements:
        cause = causes[one.key]
        if one.problem:
            last[one.problem] = cause
        if one.opens and one.problem:
            new = arrival.opened[one.problem]
            opened = ProblemOpened(problem_id=one.problem, statement=new.statement, first_feedback_id=new.stated_by)
            work.record(opened, cause=cause, first=True)
        for key in (*one.pulled, *((one.key,) if one.key not in joins_later else ())):
            place = arrival.places[key]
            work.record(_triaged(key, place), cause=causes.get(key, cause), first=key in arrival.placed)
    return last


def _tell_growth(
    arrival: Arrival,
    settled: Sequence[Settled],
    *,
    causes: Mapping[UUID, Received],
    last: Mapping[UUID, Received],
    work: TriageWork,
) -> None:
    """Once for all that came together, as a thousand reports need no thousand news.

    The item that a problem is opened with is no growth.
    """
    openers = {new.stated_by for new in arrival.opened.values()}
    newest = {
        arrival.places[key].problem_id: key
        for one in arrival.placements
        for key in (*one.pulled, one.key)
        if key not in openers
    }
    for one in settled:
        key = newest.get(one.problem_id)
        if key is None:
            continue
        grew = ProblemGrew(
            problem_id=one.problem_id,
            feedback_id=key,
            reports=one.standing.sums.reports,
            customers=one.standing.sums.customers,
            statement=one.statement,
        )
        work.record(grew, cause=causes.get(key, last[one.problem_id]))


def _triaged(key: UUID, place: Place) -> FeedbackTriaged:
    return FeedbackTriaged(
        feedback_id=key,
        problem_id=place.problem_id,
        score=place.score,
        reason=place.reason,
        algorithm=place.algorithm,
        assigned_by="engine",
        nearest=place.nearest,
        margin=place.margin,
        confidence=place.confidence,
    )
