"""Histories of a workspace: words that arrive, what persons correct, looks back and undo, told in terms of the words.

A step names pieces of feedback by their number and never a problem's id, so that a history can be lived again in
another workspace, with restarts in between or with other batches, and the outcomes compared.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import pytest
from hypothesis import strategies as st

from contracts.envelope import wrap
from contracts.feedback import FeedbackErased, FeedbackReceived
from libs.messaging.processor import decode_event
from services.triage.domain import Standing
from services.triage.grouping.engine import Engine
from services.triage.grouping.regroup import Plan, regroup
from services.triage.store.work import TriageWork
from services.triage.tests.remembered import engine_of
from services.triage.tests.words import INVOICE, LOGIN, feedback
from services.triage.use_cases.look_back import Look, look, look_back, take_over
from services.triage.use_cases.set_weights import recount
from tests.support.driven import Driven, delivered

_SAMPLE = Path(__file__).parents[3] / "libs" / "command" / "demo" / "feedback.jsonl"
_BEGUN = [*LOGIN[:4], *INVOICE, *(json.loads(line)["text"] for line in _SAMPLE.read_text().splitlines()[::36])]
TEXTS = [f"{begun}{end}" for begun in _BEGUN for end in ("", ", again since Monday", " and it is urgent")]
_SAID = datetime.now(UTC) - timedelta(days=1)
_MOST = 90
Step = tuple[Any, ...]

_number = st.integers(0, _MOST)
_text = st.integers(0, len(TEXTS) - 1)
_first = st.tuples(st.just("say"), st.lists(_text, min_size=20, max_size=40))
_says = st.tuples(st.just("say"), st.lists(_text, min_size=1, max_size=25))
_corrects = st.one_of(
    st.tuples(st.sampled_from(["merge", "merge", "move", "split"]), _number, _number),
    st.tuples(st.sampled_from(["dismiss", "leave", "erase", "unmerge", "weigh"]), _number),
    st.tuples(st.sampled_from(["ask", "begin", "end", "undo"])),
)
_rest = st.lists(st.one_of(_says, _corrects, _corrects, _corrects), min_size=4, max_size=10)
steps = st.tuples(_first, _rest).map(lambda both: [both[0], *both[1]])


@dataclass
class Life:
    """One workspace in which a history is lived. `restarts`: the process dies before every step, and in every batch."""

    triage: Driven
    restarts: bool = False
    cut: int = 10**6
    items: list[FeedbackReceived] = field(default_factory=list)
    workspace: str = field(default_factory=lambda: f"t-{uuid4().hex[:12]}")
    splits: list[UUID] = field(default_factory=list)
    merged: list[UUID] = field(default_factory=list)
    asked: UUID | None = None
    begun: tuple[Look, Plan] | None = None

    async def live(self, story: Sequence[Step]) -> None:
        self.triage.workspace = self.workspace
        self.headers = self.triage.allow(f"ws_{self.workspace}", "admin")
        for kind, *about in story:
            self._restart()
            await getattr(self, f"_{kind}")(*about)

    def _restart(self) -> None:
        if self.restarts:
            self.triage.service.work.memory.forget()

    async def _say(self, texts: Sequence[int]) -> None:
        first = len(self.items)
        self.items += [_words(first + n, text) for n, text in enumerate(texts[: _MOST - first])]
        for start in range(first, len(self.items), self.cut):
            await self._deliver(*self.items[start : start + self.cut])

    async def _deliver(self, *events: FeedbackReceived | FeedbackErased) -> None:
        if self.restarts:
            await self._die_with(*events)
        await self.triage.receives(*events)

    async def _die_with(self, *events: FeedbackReceived | FeedbackErased) -> None:
        """All of the work, and no commit; what is remembered of it must not be believed."""
        raw = [delivered(wrap(event, service="intake", workspace=self.workspace)) for event in events]
        try:
            async with self.triage.transactions.begin(self.workspace) as work:
                await self.triage.service.handlers.apply([decode_event(one) for one in raw], work)
                raise _Died
        except _Died:
            pass

    async def _erase(self, number: int) -> None:
        if self.items:
            key = self.items[number % len(self.items)].feedback_id
            await self._deliver(FeedbackErased(feedback_id=key, reason="customer_request"))

    async def _merge(self, number: int, other: int) -> None:
        one, into = await self._home(number), await self._home(other)
        if one and into and one != into and await self._post(f"problems/{one}/merge", into=str(into)):
            self.merged.append(one)

    async def _split(self, number: int, most: int) -> None:
        one, places = await self._home(number), await self.places()
        keys = [str(item.feedback_id) for item in self.items if one and places.get(item.feedback_id) == one]
        done = await self._post(f"problems/{one}/split", feedback=keys[:: 1 + most % 3]) if one else None
        if done:
            self.splits.append(UUID(done["id"]))

    async def _move(self, number: int, other: int) -> None:
        if to := await self._home(other):
            await self._post(f"feedback/{self._key(number)}/move", to=str(to))

    async def _leave(self, number: int) -> None:
        await self._post(f"feedback/{self._key(number)}/move", to=None)

    async def _dismiss(self, number: int) -> None:
        if one := await self._home(number):
            await self._post(f"problems/{one}/dismiss")

    async def _unmerge(self, number: int) -> None:
        if self.merged:
            await self._post(f"problems/{self.merged[number % len(self.merged)]}/unmerge")

    async def _weigh(self, number: int) -> None:
        """Weights change; what is said before the job has ranked all by them must be added up rightly, and after."""
        weights = {"segments": {"clinic": 1 + number % 3}, "half_life_days": 14 + number % 2, "revenue": 0.5}
        answer = await self.triage.http.put("/v1/settings/triage", json=weights, headers=self.headers)
        assert answer.is_success, answer.text
        if number % 4 < 3:
            await self._rank_anew()

    async def _rank_anew(self) -> None:
        async with self.triage.transactions.begin(self.workspace) as work:
            while await recount(work):
                pass

    async def _ask(self) -> None:
        """A person asks to look at all of it; a process that dies in the middle is followed by another one's try."""
        await self._post("regroupings")
        if self.restarts:
            async with self.triage.transactions.begin(self.workspace) as work:
                assert await look_back(work)
            self._restart()
            await self._sql("UPDATE grouping_due SET due_at = now() WHERE workspace = $1")
        async with self.triage.transactions.begin(self.workspace) as work:
            seen = await look_back(work)
        if seen is not None:
            plan = regroup(seen.snapshot)
            self._restart()
            async with self.triage.transactions.begin(self.workspace) as work:
                self.asked = await take_over(seen, plan, work)
            answer = (await self.triage.http.get("/v1/regroupings", headers=self.headers)).json()["items"]
            mine = [each for one in answer if one["id"] == str(self.asked) for each in one["problems"]]
            self.merged += sorted(UUID(each["problem_id"]) for each in mine if each["became"] == "merged")

    async def _begin(self) -> None:
        """A look back begins, and others go on meanwhile."""
        async with self.triage.transactions.begin(self.workspace) as work:
            seen = await look(work)
        self.begun = seen, regroup(seen.snapshot)

    async def _end(self) -> None:
        if self.begun:
            async with self.triage.transactions.begin(self.workspace) as work:
                await take_over(*self.begun, work)
            self.begun = None

    async def _undo(self) -> None:
        if self.asked:
            await self._post(f"regroupings/{self.asked}/undo")

    def _key(self, number: int) -> UUID:
        return self.items[number % len(self.items)].feedback_id

    async def _home(self, number: int) -> UUID | None:
        return (await self.places()).get(self._key(number))

    async def _post(self, path: str, **body: Any) -> dict[str, Any] | None:
        """What was answered; None when it was refused, as what is asked at random often is."""
        answer = await self.triage.http.post(f"/v1/{path}", json=body or None, headers=self.headers)
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.is_success else None

    async def places(self) -> dict[UUID, UUID | None]:
        rows = await self._sql(
            "SELECT feedback_id, problem_id FROM evidence WHERE workspace = $1 AND voice IS NOT NULL"
        )
        return {row[0]: row[1] for row in rows}

    async def _sql(self, statement: str) -> list[asyncpg.Record]:
        async with self.triage.transactions.begin(self.workspace) as work:
            return await (await work.driver()).fetch(statement, self.workspace)

    def name(self, problem: UUID | None) -> object:
        """A problem's id, or which split made it: those ids are not derived from the words."""
        return self.splits.index(problem) if problem is not None and problem in self.splits else problem

    async def outcome(self, *, gone: bool = True) -> dict[str, Any]:
        """All that a person, or the next words, could tell two lives apart by; `gone`: also of dead problems."""
        problems = await self._sql(
            "SELECT problem_id, status, merged_into, reports, customers, round(reach::numeric, 6),"
            " round(rank::numeric, 6) FROM problem WHERE workspace = $1"
        )
        placed = await self._sql("SELECT feedback_id, problem_id, pinned FROM evidence WHERE workspace = $1")
        engine: Engine = await engine_of(self.triage)
        return {
            "places": {row[0]: (self.name(row[1]), row[2]) for row in placed},
            "problems": {
                self.name(row[0]): (row[1], self.name(row[2]), *row[3:])
                for row in problems
                if gone or row["reports"] or self.name(row[0]) != row[0]
            },
            "engine": (
                engine.state(),
                [(row.key, row.vector, self.name(row.problem), row.pinned) for row in engine.rows()],
            ),
        }

    async def broken(self) -> list[str]:
        """What must never be: links that do not hold, evidence in a problem that is gone, numbers that do not fit."""
        await self._rank_anew()
        async with self.triage.transactions.begin(self.workspace) as work:
            assert isinstance(work, TriageWork)
            links = await (await work.corrections()).broken()
            problems = await self._sql("SELECT problem_id FROM problem WHERE workspace = $1")
            heads = await (await work.problems()).heads([row[0] for row in problems])
            weights = await (await work.preferences()).weights()
            counted = await (await work.voices()).standings(heads, weights)
            odd = [
                str(head)
                for problem_id, head in heads.items()
                if head.living and not _alike(head.standing, counted[problem_id][0])
            ]
        wrong = await self._sql(
            "SELECT p.problem_id, p.status, p.reports, count(e.feedback_id)::int FROM problem p"
            " LEFT JOIN evidence e USING (workspace, problem_id) WHERE workspace = $1 GROUP BY 1, 2, 3"
            " HAVING p.reports <> count(e.feedback_id)"
            " OR (p.status NOT IN ('open', 'decided') AND count(e.feedback_id) > 0)"
        )
        lost = await self._sql(
            "SELECT e.feedback_id FROM evidence e LEFT JOIN problem p USING (workspace, problem_id)"
            " WHERE workspace = $1 AND e.problem_id IS NOT NULL AND p.problem_id IS NULL"
        )
        return [f"{links} links"] * bool(links) + [str(tuple(row)) for row in [*wrong, *lost]] + odd


class _Died(Exception):
    """The process died before it could commit."""


def _alike(kept: Standing, counted: Standing) -> bool:
    """Whether what was added up bit by bit is what is there, but for the rounding of sums."""
    numbers = [dataclasses.asdict(one.sums) for one in (kept, counted)]
    revenue = [one.pop("revenue") for one in numbers]
    return revenue[0] == revenue[1] and numbers[0] == pytest.approx(numbers[1], rel=1e-9, abs=1e-9)


def _words(number: int, text: int) -> FeedbackReceived:
    """The same words have the same id and moment in every life."""
    key = UUID(int=(number << 80) | (uuid5(UUID(int=text), str(number)).int & ((1 << 80) - 1)))
    who = {"customer": f"c-{number % 7}", "segment": ("clinic", "salon")[number % 2], "revenue": 900 + number % 5}
    who |= {"currency": ("EUR", "USD")[number % 3 == 0]}
    said = feedback(TEXTS[text], feedback_id=key, stars=1 + number % 5, **(who if number % 11 else {}))
    return said.model_copy(update={"received_at": _SAID, "occurred_at": _SAID - timedelta(hours=number * 37 % 100)})
