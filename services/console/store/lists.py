"""The SQL of the ranked lists: problems, experiments, decisions of one workspace."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

import asyncpg

from services.console.domain.facts import Ref
from services.console.domain.nodes import Node
from services.console.store.lineage import Lineage, Page

# A problem stands for itself and for all that was merged into it, at any distance.
_PROBLEMS = """
WITH RECURSIVE tree AS (
    SELECT id AS root, id FROM facet AS known
    WHERE workspace = $1 AND kind = 'problem' AND facet = 'statement' AND NOT EXISTS (
        SELECT FROM facet WHERE workspace = $1 AND kind = 'problem' AND id = known.id AND facet = 'merged'
          AND content ? 'into')
    UNION
    SELECT root, from_id FROM tree JOIN edge ON to_id = id
    WHERE workspace = $1 AND to_kind = 'problem' AND relation = 'merged_into'
), ranked AS (
    SELECT root, count(from_id) AS reports FROM tree LEFT JOIN edge ON workspace = $1
        AND to_kind = 'problem' AND to_id = id AND relation = 'grouped_into' GROUP BY root
)
SELECT root, reports FROM ranked
WHERE $2::bigint IS NULL OR reports < $2 OR (reports = $2 AND root > $3) ORDER BY reports DESC, root LIMIT $4
"""
_NEWEST = """
WITH ranked AS (SELECT id, max(said_at) AS touched FROM facet WHERE workspace = $1 AND kind = $5 GROUP BY id)
SELECT id, touched FROM ranked
WHERE $2::timestamptz IS NULL OR touched < $2 OR (touched = $2 AND id > $3) ORDER BY touched DESC, id LIMIT $4
"""


class Lists:
    """What the overview lists, ranked and paged; a cursor's values continue a list after its item."""

    def __init__(self, driver: asyncpg.Connection, workspace: str) -> None:
        self._driver = driver
        self._workspace = workspace
        self._lineage = Lineage(driver, workspace)

    async def problems(self, *, after: tuple[int, str] | None, limit: int) -> Page:
        """Problems that stand (merged ones are part of another), the most reported first, `reports` counted here."""
        reports, identity = after or (None, None)
        rows = await self._driver.fetch(_PROBLEMS, self._workspace, reports, identity, limit + 1)
        counted = {Ref("problem", row["root"]): row["reports"] for row in rows[:limit]}
        found = await self._lineage.nodes(counted)
        nodes = [_with(node, reports=counted[about]) for about, node in found.items()]
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(nodes, [last["reports"], last["root"]] if last else None)

    async def newest(
        self, kind: Literal["experiment", "decision"], *, after: tuple[datetime, str] | None, limit: int
    ) -> Page:
        """Nodes of a kind, the one with the newest word first."""
        touched, identity = after or (None, None)
        rows = await self._driver.fetch(_NEWEST, self._workspace, touched, identity, limit + 1, kind)
        nodes = list((await self._lineage.nodes(Ref(kind, row["id"]) for row in rows[:limit])).values())
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(nodes, [last["touched"].isoformat(), last["id"]] if last else None)

    async def positions_on(self, decisions: list[Node]) -> dict[Ref, dict[str, int]]:
        """How many stakeholders agree, have a concern or object, for each decision."""
        rows = await self._driver.fetch(
            "SELECT to_id, content->>'position' AS position, count(*) AS stakeholders FROM edge JOIN facet ON"
            " facet.workspace = $1 AND facet.kind = from_kind AND facet.id = from_id AND facet.facet = 'position'"
            " WHERE edge.workspace = $1 AND to_kind = 'decision' AND to_id = ANY($2::text[]) AND relation = 'taken_on'"
            " GROUP BY to_id, position ORDER BY to_id, position",
            self._workspace,
            [node.ref.id for node in decisions],
        )
        found: dict[Ref, dict[str, int]] = {}
        for row in rows:
            found.setdefault(Ref("decision", row["to_id"]), {})[row["position"]] = row["stakeholders"]
        return found


def _with(node: Node, *, reports: int) -> Node:
    """Customers cannot outnumber reports; the owner's figure may be older or newer than what is grouped here."""
    customers = min(node.attributes.get("customers", reports), reports)
    return replace(node, attributes=node.attributes | {"reports": reports, "customers": customers})
