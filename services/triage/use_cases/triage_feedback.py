"""Find the problem behind each piece of feedback, or open one."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from contracts.feedback import FeedbackReceived
from contracts.problems import FeedbackTriaged, ProblemGrew, ProblemOpened
from libs.messaging.work import Message
from services.triage.domain import Report, first_statement, report_of
from services.triage.grouping.engine import VERSION
from services.triage.grouping.items import Item, Placement
from services.triage.grouping.words import stems_of
from services.triage.store.evidence import Place, Placed, Stored, Vector
from services.triage.store.groups import Held
from services.triage.store.memory import Read
from services.triage.store.problems import NewProblem
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

    def problem_ids(self) -> set[UUID]:
        found = {placed.place.problem_id for placed in self.placed.values()} | set(self.opened)
        return {problem_id for problem_id in found if problem_id is not None}


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
        before = await _store(arrival, work)
    last = await _announce(arrival, causes=fresh, before=before, work=work)
    await settle(last, work, causes=last)


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
    kept = {row.key: row.vector for row in held.engine.rows([report.feedback_id for report in reports])}
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
            Vector(kept[report.feedback_id], held.embedder.version, first + index),
            places[report.feedback_id],
        )
        for index, (report, language) in enumerate(zip(reports, read.languages, strict=True))
    }
    pulled = await (await work.evidence()).find([key for key in opener if key not in placed])
    opened = {}
    for one in placements:
        if one.opens and one.problem:
            oldest = min((*one.pulled, one.key), key=lambda key: held.engine.window.row_of[key])
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


def _place_of(one: Placement, algorithm: str, held: Held) -> Place:
    window = held.engine.window
    follows = bool(one.nearest) and bool(window.pinned[window.row_of[one.nearest[0]]])
    reason = f"a person placed what is most like it; {one.reason}" if follows else one.reason
    return Place(one.problem, _share(one.score), reason, algorithm, max(-1.0, one.margin), one.confidence, one.nearest)


def _joined(key: UUID, opener: Placement, algorithm: str) -> Place:
    """Where something goes that was unassigned until `opener` gave it company."""
    like = dict(zip(opener.nearest, opener.similarity, strict=True)).get(key, opener.score)
    reason = f"something like it arrived ({_share(like):.2f}), and together they are a problem"
    return Place(opener.problem, _share(like), reason, algorithm, nearest=(opener.key,))


def _share(score: float) -> float:
    return max(0.0, min(1.0, score))


async def _store(arrival: Arrival, work: TriageWork) -> set[tuple[UUID, str]]:
    """Write all of it in bulk; returns which voices had spoken about which problems before."""
    evidence, problems, voices = await work.evidence(), await work.problems(), await work.voices()
    spoken = [(one.place.problem_id, one.report) for one in arrival.placed.values() if one.place.problem_id]
    before = await voices.known(spoken)
    if arrival.opened:
        await problems.open(list(arrival.opened.values()), now=work.now)
    await evidence.add(list(arrival.placed.values()), now=work.now)
    if arrival.pulled:
        await evidence.put({key: arrival.places[key] for key in arrival.pulled}, now=work.now)
    await voices.add([*(report.feedback_id for _, report in spoken), *arrival.pulled])
    return before


async def _announce(
    arrival: Arrival, *, causes: Mapping[UUID, Received], before: set[tuple[UUID, str]], work: TriageWork
) -> dict[UUID, Received]:
    """Say what happened to each item, its problem's opening first; returns each problem's newest cause."""
    told = _Told(arrival, before, await (await work.problems()).sizes(arrival.problem_ids() - arrival.opened.keys()))
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
            work.record(_triaged(key, arrival.places[key]), cause=causes.get(key, cause), first=key in arrival.placed)
            told.count(key)
    for problem_id, key in told.newest.items():
        work.record(told.grew(problem_id), cause=causes.get(key, last.get(problem_id)))
    return last


class _Told:
    """Counts reports and distinct customers as one item after the other is told.

    `newest` has the newest report of each problem that grew; the one that a problem is opened with is no growth.
    """

    def __init__(
        self, arrival: Arrival, before: set[tuple[UUID, str]], sizes: Mapping[UUID, tuple[int, int, str]]
    ) -> None:
        self.newest: dict[UUID, UUID] = {}
        self._arrival, self._spoken = arrival, set(before)
        self._reports = Counter({problem_id: reports for problem_id, (reports, _, _) in sizes.items()})
        self._customers = Counter({problem_id: customers for problem_id, (_, customers, _) in sizes.items()})
        self._statements = {problem_id: statement for problem_id, (_, _, statement) in sizes.items()}
        self._statements |= {problem_id: new.statement for problem_id, new in arrival.opened.items()}

    def count(self, key: UUID) -> None:
        """One more report of its problem, if it has one."""
        problem_id = self._arrival.places[key].problem_id
        if problem_id is None:
            return
        voice, named = self._voice(key)
        self._reports[problem_id] += 1
        self._customers[problem_id] += named and (problem_id, voice) not in self._spoken
        self._spoken.add((problem_id, voice))
        new = self._arrival.opened.get(problem_id)
        if new is None or new.stated_by != key:
            self.newest[problem_id] = key

    def grew(self, problem_id: UUID) -> ProblemGrew:
        """How large it is now; told once for all that came together, as a thousand reports need no thousand news."""
        return ProblemGrew(
            problem_id=problem_id,
            feedback_id=self.newest[problem_id],
            reports=self._reports[problem_id],
            customers=self._customers[problem_id],
            statement=self._statements[problem_id],
        )

    def _voice(self, key: UUID) -> tuple[str, bool]:
        if key in self._arrival.placed:
            report = self._arrival.placed[key].report
            return report.voice, report.named
        stored = self._arrival.pulled[key]
        return stored.voice, stored.named


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
