"""Every SQL statement about the lineage of one workspace."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from services.console.domain.facts import Edge, Fact, Ref, newest
from services.console.domain.graph import Directions
from services.console.domain.nodes import Node, node_of

_EDGE = "from_kind, from_id, relation, to_kind, to_id"


@dataclass(frozen=True)
class Page:
    """A part of a ranked list of nodes, and the sort values of its last item if more follow."""

    nodes: list[Node]
    more_after: list[object] | None


class Lineage:
    """The graph of one workspace, built from facts."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace

    async def apply(self, facts: Iterable[Fact]) -> None:
        """Let every fact stand that is newer than what stands; its edges replace those of the word before it.

        The row of a facet is locked before its edges are touched, so parallel writers cannot leave edges of a word that
        lost. All writers lock in one order, so they cannot deadlock.
        """
        standing = newest(facts)
        won = await self._stand(standing) if standing else set()
        winners = [fact for fact in standing if (fact.about.kind, fact.about.id, fact.facet) in won]
        if winners:
            await self._redraw(winners)

    async def _stand(self, facts: Sequence[Fact]) -> set[tuple[str, str, str]]:
        rows = await self._driver.fetch(
            "INSERT INTO facet AS old (workspace, kind, id, facet, sequence, said_at, event_id, content)"
            " SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::uuid[],"
            " $8::jsonb[]) ON CONFLICT (workspace, kind, id, facet) DO UPDATE SET sequence = excluded.sequence,"
            " said_at = excluded.said_at, event_id = excluded.event_id, content = excluded.content WHERE"
            " (excluded.sequence, excluded.said_at, excluded.event_id) > (old.sequence, old.said_at, old.event_id)"
            " RETURNING kind, id, facet",
            self._workspace,
            *_columns((fact.about.kind, fact.about.id, fact.facet) for fact in facts),
            [fact.stamp.sequence for fact in facts],
            [fact.stamp.at for fact in facts],
            [fact.stamp.event for fact in facts],
            [json.dumps(fact.content) for fact in facts],
        )
        return {(row[0], row[1], row[2]) for row in rows}

    async def _redraw(self, facts: Sequence[Fact]) -> None:
        await self._driver.execute(
            "DELETE FROM edge USING unnest($2::text[], $3::text[], $4::text[]) AS owner (kind, id, facet)"
            " WHERE workspace = $1 AND owner_kind = kind AND owner_id = id AND edge.facet = owner.facet",
            self._workspace,
            *_columns((fact.about.kind, fact.about.id, fact.facet) for fact in facts),
        )
        drawn = [(fact, edge) for fact in facts for edge in fact.edges]
        if not drawn:
            return
        await self._driver.execute(
            f"INSERT INTO edge (workspace, owner_kind, owner_id, facet, {_EDGE}) SELECT $1, * FROM unnest("
            "$2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])",
            self._workspace,
            *_columns(
                (
                    *(fact.about.kind, fact.about.id, fact.facet),
                    *(edge.source.kind, edge.source.id, edge.relation, edge.target.kind, edge.target.id),
                )
                for fact, edge in drawn
            ),
        )

    async def find(self, about: Ref) -> Node | None:
        """The node, or None when no event about it was seen (also if an edge already points to it)."""
        found = await self.nodes([about])
        node = found[about]
        return node if node.state != "unknown" or node.title else None

    async def nodes(self, refs: Iterable[Ref]) -> dict[Ref, Node]:
        """The nodes of all these references, in their order; of unseen ones the placeholder."""
        wanted = list(refs)
        rows = await self._driver.fetch(
            "SELECT kind, id, facet.facet, content::text AS content FROM facet"
            " JOIN unnest($2::text[], $3::text[]) AS wanted (kind, id) USING (kind, id) WHERE workspace = $1",
            self._workspace,
            [about.kind for about in wanted],
            [about.id for about in wanted],
        )
        facets: dict[Ref, dict[str, dict[str, object]]] = {}
        for row in rows:
            facets.setdefault(Ref(row["kind"], row["id"]), {})[row["facet"]] = json.loads(row["content"])
        return {about: node_of(about, facets.get(about, {})) for about in wanted}

    async def step(self, frontier: Iterable[Ref], directions: Directions) -> list[tuple[str, Ref]]:
        """The nodes one edge beyond the frontier, each with the relation that leads there."""
        here = list(frontier)
        rows = await self._driver.fetch(
            "SELECT DISTINCT relation, to_kind AS kind, to_id AS id FROM edge"
            " JOIN unnest($2::text[], $3::text[]) AS here (kind, id) ON from_kind = kind AND from_id = here.id"
            " WHERE workspace = $1 AND relation = ANY($4::text[])"
            " UNION SELECT DISTINCT relation, from_kind, from_id FROM edge"
            " JOIN unnest($2::text[], $3::text[]) AS here (kind, id) ON to_kind = kind AND to_id = here.id"
            " WHERE workspace = $1 AND relation = ANY($5::text[])",
            self._workspace,
            [about.kind for about in here],
            [about.id for about in here],
            list(directions.ahead),
            list(directions.back),
        )
        return [(row["relation"], Ref(row["kind"], row["id"])) for row in rows]

    async def feedback_of(self, problems: Iterable[Ref], *, limit: int) -> tuple[list[Ref], int]:
        """The feedback that is grouped into these problems, newest first up to `limit`, and how much there is."""
        ids = [about.id for about in problems]
        rows = await self._driver.fetch(
            "SELECT from_id, count(*) OVER () AS total FROM edge WHERE workspace = $1 AND to_kind = 'problem'"
            " AND to_id = ANY($2::text[]) AND relation = 'grouped_into' ORDER BY from_id DESC LIMIT $3",
            self._workspace,
            ids,
            max(1, limit),
        )
        return [Ref("feedback", row["from_id"]) for row in rows[:limit]], rows[0]["total"] if rows else 0

    async def count_grouped(self, feedback: Iterable[Ref], problems: Iterable[Ref]) -> int:
        """How many of these pieces of feedback are grouped into one of these problems."""
        row = await self._driver.fetchrow(
            "SELECT count(DISTINCT from_id) FROM edge WHERE workspace = $1 AND from_kind = 'feedback'"
            " AND from_id = ANY($2::text[]) AND relation = 'grouped_into' AND to_id = ANY($3::text[])",
            self._workspace,
            [about.id for about in feedback],
            [about.id for about in problems],
        )
        return row[0] if row else 0

    async def edges_among(self, refs: Iterable[Ref]) -> tuple[Edge, ...]:
        """Every edge whose both ends are among these nodes, once, in a stable order."""
        inside = list(refs)
        rows = await self._driver.fetch(
            "WITH inside AS (SELECT * FROM unnest($2::text[], $3::text[]) AS inside (kind, id))"
            f" SELECT DISTINCT {_EDGE} FROM edge"
            " JOIN inside AS a ON from_kind = a.kind AND from_id = a.id"
            " JOIN inside AS b ON to_kind = b.kind AND to_id = b.id"
            f" WHERE workspace = $1 ORDER BY {_EDGE}",
            self._workspace,
            [about.kind for about in inside],
            [about.id for about in inside],
        )
        return tuple(Edge(Ref(row[0], row[1]), row[2], Ref(row[3], row[4])) for row in rows)


def _columns(rows: Iterable[tuple[str, ...]]) -> list[list[str]]:
    return [list(column) for column in zip(*rows, strict=True)]
