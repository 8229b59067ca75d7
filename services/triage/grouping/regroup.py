"""Hindsight: all of a workspace's evidence is grouped anew, close to how it is grouped now. Pure, and slow: seconds.

The communities of the whole window are found, and each takes the id of the problem that most of its evidence has, so
that problems keep their names and every difference is a move of single items. What a person placed is not touched:
pinned evidence of one problem is one node of the graph, and two such nodes never end in one problem.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from services.triage.grouping.centring import Centring
from services.triage.grouping.communities import Edges, communities, edges_of, joined_halves, neighbours_for
from services.triage.grouping.kinds import trust
from services.triage.grouping.neighbours import (
    Floats,
    Ints,
    Neighbours,
    company_of,
    lonely_below,
    nearest_neighbours,
)
from services.triage.grouping.resolution import stable_resolution
from services.triage.grouping.votes import PAIR
from services.triage.grouping.window import NONE

_SMALLEST = 2
_CLEARLY = 0.35  # of the neighbours' weight


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A window at one moment. `problems[slot]` is the problem of the rows that have this `slot`.

    `original` is the row that a row is a copy of; its own place for all others. `arrived_in` is the slot of the problem
    that a row was placed in when it arrived.
    """

    seen: int
    keys: tuple[UUID, ...]
    unit: Floats
    slot: NDArray[np.int32]
    arrived_in: NDArray[np.int32]
    pinned: NDArray[np.bool_]
    original: NDArray[np.int32]
    problems: tuple[UUID, ...]
    centring: Centring

    def part(self, rows: Ints) -> "Snapshot":
        """Some of the rows, none of them a copy."""
        if len(rows) == len(self.keys):
            return self
        return Snapshot(
            seen=self.seen,
            keys=tuple(self.keys[row] for row in rows.tolist()),
            unit=self.unit[rows],
            slot=self.slot[rows],
            arrived_in=self.arrived_in[rows],
            pinned=self.pinned[rows],
            original=np.arange(len(rows), dtype=np.int32),
            problems=self.problems,
            centring=self.centring,
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Where each item of the snapshot belongs in hindsight; None is to no problem.

    `trust` is what it adds to the log odds that others which join these are with their like, see `kinds`.
    """

    seen: int
    belongs: Mapping[UUID, UUID | None]
    centring: Centring
    trust: Mapping[UUID, float]


@dataclass(frozen=True, slots=True)
class _Graph:
    """`nodes[row]` is the row's node or -1; `resolution` is how finely it was cut."""

    edges: Edges
    nodes: Ints
    resolution: float


def regroup(snapshot: Snapshot) -> Plan:
    """Group the snapshot's evidence with hindsight. The same snapshot gives the same plan."""
    slots, problems, trusted = _placed(snapshot)
    belongs = {
        key: problems[slot] if slot >= 0 else None for key, slot in zip(snapshot.keys, slots.tolist(), strict=True)
    }
    known = zip(snapshot.keys, trusted.tolist(), strict=True)
    return Plan(snapshot.seen, belongs, snapshot.centring, {key: one for key, one in known if not isnan(one)})


def _placed(snapshot: Snapshot) -> tuple[Ints, list[UUID], Floats]:
    """Each row's slot, the problems that slots stand for, and each row's trust. Copies go where their original goes."""
    stands_for = np.where(snapshot.pinned, np.arange(len(snapshot.keys)), snapshot.original)
    rows, place = np.unique(stands_for, return_inverse=True)
    distinct = snapshot.part(rows)
    neighbours = nearest_neighbours(distinct.unit, neighbours_for(len(rows)))
    found, graph = _communities(distinct, neighbours, np.bincount(place, minlength=len(rows)))
    names = _names(distinct, found)
    problems = [*snapshot.problems, *(name for name in names.values() if name not in set(snapshot.problems))]
    slot_of = {problem: slot for slot, problem in enumerate(problems)}
    slots = np.array([slot_of[names[one]] if one >= 0 else NONE for one in found.tolist()], np.int64)
    slots = np.where(distinct.pinned, distinct.slot, _steady(distinct, neighbours, slots))
    trusted = trust(graph.edges, graph.nodes, slots, distinct.arrived_in.astype(np.int64), graph.resolution)
    return slots[place], problems, trusted[place]


def _communities(snapshot: Snapshot, neighbours: Neighbours, copies: Ints) -> tuple[Ints, _Graph]:
    """The community of each row, -1 for one that belongs to nothing; `copies` is how often each row was said."""
    n = len(snapshot.keys)
    nearest = neighbours.similarity.max(axis=1, initial=-1.0)
    different = min(n, round(snapshot.centring.different))  # a thousand near-copies make nobody else more lonely
    lonely = neighbours.density(company_of(different)) < lonely_below(different)
    left_out = lonely & (nearest < PAIR) & ~snapshot.pinned
    dismissed = snapshot.pinned & (snapshot.slot == NONE)
    left_out |= dismissed | (_like(dismissed, neighbours) & ~snapshot.pinned)
    nodes = _nodes(snapshot, left_out)
    start = np.full(int(nodes.max(initial=NONE)) + 1, NONE, np.int64)
    start[nodes[nodes >= 0]] = snapshot.slot[nodes >= 0]
    edges = edges_of(neighbours, nodes)
    graph = _Graph(edges, nodes, stable_resolution(edges, n))
    of_node = communities(edges, start, graph.resolution)
    found = np.where(nodes >= 0, of_node[np.maximum(nodes, 0)], NONE) if len(of_node) else nodes
    found = _apart(snapshot, joined_halves(snapshot.unit, found))
    return _with_company(found, np.where(_like(dismissed, neighbours), 1, copies), snapshot.pinned), graph


def _like(dismissed: NDArray[np.bool_], neighbours: Neighbours) -> NDArray[np.bool_]:
    """Rows whose nearest one is near, and one that a person left out: they stay out too."""
    if not neighbours.rows.shape[1]:
        return np.zeros(len(dismissed), np.bool_)
    return dismissed[neighbours.rows[:, 0]] & (neighbours.similarity[:, 0] >= PAIR)


def _steady(snapshot: Snapshot, neighbours: Neighbours, slots: Ints) -> Ints:
    """Items stay where they are unless their neighbours are clearly more in the other problem than in theirs."""
    near = slots[neighbours.rows]
    weight = np.maximum(neighbours.similarity, 0) ** 2
    there = (weight * (near == slots[:, None])).sum(axis=1)
    here = (weight * (near == snapshot.slot[:, None])).sum(axis=1)
    lives = np.isin(snapshot.slot, slots)
    stays = lives & (slots >= 0) & (snapshot.slot >= 0) & (there - here < _CLEARLY * weight.sum(axis=1))
    return np.where(stays, snapshot.slot, slots)


def _nodes(snapshot: Snapshot, left_out: NDArray[np.bool_]) -> Ints:
    """A node for each row; one for all pinned rows of a problem."""
    nodes = np.full(len(snapshot.keys), NONE, np.int64)
    single = ~left_out & ~snapshot.pinned
    nodes[single] = np.arange(single.sum())
    together = ~left_out & snapshot.pinned
    _, group = np.unique(snapshot.slot[together], return_inverse=True)
    nodes[together] = single.sum() + group
    return nodes


def _apart(snapshot: Snapshot, found: Ints) -> Ints:
    """Communities that hold what a person placed in two problems are cut: each row goes to the nearer of them."""
    found = found.copy()
    pinned = np.flatnonzero(snapshot.pinned & (snapshot.slot >= 0))
    fresh = int(found.max(initial=-1)) + 1
    for row in pinned[found[pinned] < 0]:  # a lone pinned group is a community of its own
        same = pinned[snapshot.slot[pinned] == snapshot.slot[row]]
        if found[row] < 0:
            found[same] = fresh
            fresh += 1
    for community in np.unique(found[pinned]):
        own = pinned[found[pinned] == community]
        slots = np.unique(snapshot.slot[own])
        if len(slots) < 2:
            continue
        centres = np.stack([snapshot.unit[own[snapshot.slot[own] == slot]].mean(axis=0) for slot in slots])
        rows = np.flatnonzero(found == community)
        nearer = (snapshot.unit[rows] @ centres.T).argmax(axis=1)
        placed = snapshot.pinned[rows]
        nearer[placed] = np.searchsorted(slots, snapshot.slot[rows[placed]])
        found[rows] = fresh + nearer
        fresh += len(slots)
    return found


def _with_company(found: Ints, copies: Ints, pinned: NDArray[np.bool_]) -> Ints:
    """Something said once is no problem, unless a person made it one; said twice it is."""
    found = found.copy()
    lonely = np.flatnonzero((found < 0) & (copies >= _SMALLEST) & ~pinned)
    found[lonely] = int(found.max(initial=NONE)) + 1 + np.arange(len(lonely))
    sizes = np.bincount(found[found >= 0], copies[found >= 0], minlength=1)
    small = (found >= 0) & (sizes[np.maximum(found, 0)] < _SMALLEST) & ~pinned
    return np.where(small, NONE, found)


def _names(snapshot: Snapshot, found: Ints) -> dict[int, UUID]:
    """Each community's problem: where a person placed something, else by greatest overlap, else a new one."""
    names: dict[int, UUID] = {}
    used: set[int] = set()
    settled = snapshot.pinned & (snapshot.slot >= 0)
    for community, slot in {(int(c), int(s)) for c, s in zip(found[settled], snapshot.slot[settled], strict=True)}:
        names[community] = snapshot.problems[slot]
        used.add(slot)
    grouped = (found >= 0) & (snapshot.slot >= 0)
    width = len(snapshot.problems) + 1
    pairs, sizes = np.unique(found[grouped] * width + snapshot.slot[grouped], return_counts=True)
    for place in np.lexsort((pairs, -sizes)):
        community, slot = divmod(int(pairs[place]), width)
        if community not in names and slot not in used:
            names[community] = snapshot.problems[slot]
            used.add(slot)
    for community in np.unique(found[found >= 0]).tolist():
        if community not in names:
            first = int(np.flatnonzero(found == community)[0])
            names[community] = uuid5(snapshot.keys[first], f"problem {snapshot.seen}")
    return names
