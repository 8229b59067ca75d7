"""Find the problem behind each piece of feedback, or open one."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.feedback import FeedbackReceived
from contracts.problems import FeedbackTriaged, ProblemGrew, ProblemOpened
from libs.messaging.work import Message
from services.triage.domain import Report, report_of
from services.triage.grouping.centre import nearest_to, statement_of
from services.triage.grouping.current import GROUPER
from services.triage.grouping.grouper import Evidence, Grouping, Place
from services.triage.store.evidence import Placed
from services.triage.store.problems import Head, NewProblem
from services.triage.store.work import TriageWork
from services.triage.use_cases.settle import settle

Received = Message[FeedbackReceived]
_REMEMBERED = 20  # newest members of a problem among which the nearest are looked for


async def triage_feedback(messages: Sequence[Received], work: TriageWork) -> None:
    """Every item is assigned and told, once; feedback that is known, or was erased before it came, changes nothing."""
    await work.alone()
    fresh = {message.event.feedback_id: message for message in messages}
    for known in await (await work.evidence()).known(fresh):
        del fresh[known]
    if not fresh:
        return
    reports = [report_of(message.event, now=work.now) for message in fresh.values()]
    items = [GROUPER.read(report.feedback_id, report.text) for report in reports]
    grouping = await _grouping(items, work)
    placed = _assign(reports, items, grouping)
    joined = {one.place.problem_id for one in placed if one.place and not one.assignment.opens}
    placed = await _explain(placed, joined, work)
    heads = await (await work.problems()).heads(joined)
    before = await (await work.voices()).known([(one.place.problem_id, one.report) for one in placed if one.place])
    opened = await _store(placed, grouping, work)
    _announce(placed, causes=fresh, heads=heads, opened=opened, before=before, work=work)
    last = {one.place.problem_id: fresh[one.report.feedback_id] for one in placed if one.place}
    await settle(last, work, causes=last)


async def _grouping(items: Sequence[Evidence], work: TriageWork) -> Grouping:
    terms = {term for item in items for term in item.terms}
    evidence = await work.evidence()
    candidates = await (await work.problems()).candidates(terms)
    pinned = await evidence.pinned(terms)
    weighed = terms.union(*(candidate.uses for candidate in candidates), *(item.terms for item in pinned))
    return GROUPER.begin(candidates, pinned, await evidence.seen(weighed))


def _assign(reports: Sequence[Report], items: Sequence[Evidence], grouping: Grouping) -> list[Placed]:
    placed = []
    for report, item in zip(reports, items, strict=True):
        found = grouping.assign(item)
        place = found.place
        if found.opens:
            identity = uuid7()
            place = Place(identity, identity)
        grouping.learn(item, place)
        placed.append(Placed(report, item, found, place, found.nearest))
    return placed


async def _explain(placed: Sequence[Placed], joined: set[UUID], work: TriageWork) -> list[Placed]:
    """Name the nearest evidence of each item that joined a problem, among the newest there at that moment."""
    stored = await (await work.evidence()).newest_of(joined, most=_REMEMBERED)
    members: dict[UUID, deque[tuple[UUID, frozenset[str]]]] = {}
    explained = []
    for one in placed:
        if one.place is None:
            explained.append(one)
            continue
        problem_id, terms = one.place.problem_id, frozenset(one.item.terms)
        if problem_id not in members:
            found = reversed(stored.get(problem_id, []))
            members[problem_id] = deque(((identity, t) for identity, _, t in found), maxlen=_REMEMBERED)
        near = one.nearest or nearest_to(terms, members[problem_id])
        explained.append(Placed(one.report, one.item, one.assignment, one.place, near))
        members[problem_id].append((one.report.feedback_id, terms))
    return explained


async def _store(placed: Sequence[Placed], grouping: Grouping, work: TriageWork) -> dict[UUID, NewProblem]:
    """Write all of it in bulk; returns the problems that were opened."""
    evidence, problems = await work.evidence(), await work.problems()
    opened: dict[UUID, NewProblem] = {}
    for one in placed:
        if one.place and one.assignment.opens:
            feedback_id = one.report.feedback_id
            found = statement_of({feedback_id: one.report.text}, dict.fromkeys(one.item.terms, 1), 1)
            assert found is not None  # an item that opens a problem has words
            opened[one.place.problem_id] = NewProblem(one.place.problem_id, found[1], feedback_id)
    if opened:
        await problems.open(list(opened.values()), now=work.now)
    await evidence.add(placed, now=work.now)
    await evidence.count_words([one.item.terms for one in placed])
    await (await work.voices()).add([one.report.feedback_id for one in placed])
    profiles = {one.place.profile_id for one in placed if one.place}
    await problems.save_profiles({profile: grouping.uses_of(profile) for profile in profiles})
    return opened


def _announce(
    placed: Sequence[Placed],
    *,
    causes: Mapping[UUID, Received],
    heads: Mapping[UUID, Head],
    opened: Mapping[UUID, NewProblem],
    before: set[tuple[UUID, str]],
    work: TriageWork,
) -> None:
    reports = Counter({problem_id: head.standing.reports for problem_id, head in heads.items()})
    customers = Counter({problem_id: head.standing.customers for problem_id, head in heads.items()})
    spoken = set(before)
    for one in placed:
        report, cause, problem_id = one.report, causes[one.report.feedback_id], one.place and one.place.problem_id
        if problem_id and one.assignment.opens:
            statement = opened[problem_id].statement
            event = ProblemOpened(problem_id=problem_id, statement=statement, first_feedback_id=report.feedback_id)
            work.record(event, cause=cause, first=True)
        work.record(_triaged(one), cause=cause, first=True)
        if problem_id is None:
            continue
        reports[problem_id] += 1
        customers[problem_id] += report.named and (problem_id, report.voice) not in spoken
        spoken.add((problem_id, report.voice))
        if not one.assignment.opens:
            head = heads.get(problem_id)
            grew = ProblemGrew(
                problem_id=problem_id,
                feedback_id=report.feedback_id,
                reports=reports[problem_id],
                customers=customers[problem_id],
                statement=head.statement if head else opened[problem_id].statement,
            )
            work.record(grew, cause=cause)


def _triaged(one: Placed) -> FeedbackTriaged:
    return FeedbackTriaged(
        feedback_id=one.report.feedback_id,
        problem_id=one.place.problem_id if one.place else None,
        score=one.assignment.score,
        reason=one.assignment.reason,
        algorithm=one.assignment.algorithm,
        assigned_by="engine",
        nearest=one.nearest,
    )
