"""The console's part of the public API: lineage for programs, and links that sign a person in."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from libs.runtime.fields import Short
from libs.runtime.http import Edge, current_access, current_work, needs
from libs.runtime.keys import Access, digest_of
from libs.runtime.problems import NotFound
from services.console.domain.facts import Ref
from services.console.domain.graph import Graph
from services.console.domain.nodes import Node
from services.console.domain.signing_in import SCOPE, local_path
from services.console.store.sessions import SignedIn
from services.console.store.work import ConsoleWork
from services.console.use_cases.sign_in import make_sign_in_link
from services.console.use_cases.trace_lineage import trace_lineage

router = APIRouter(route_class=Edge, tags=["lineage"])
InTransaction = Annotated[ConsoleWork, Depends(current_work)]
Caller = Annotated[Access, Depends(current_access)]


class LinkWanted(BaseModel):
    """Where the link leads: a path of the console."""

    model_config = ConfigDict(extra="forbid")

    next: Short = "/"


@router.get("/v1/decisions/{decision_id}/lineage")
@needs("decisions:read")
async def show_decision_lineage(decision_id: UUID, work: InTransaction) -> dict[str, Any]:
    """Every node and edge behind a decision, down to the verbatim words, and beyond it: who was told, the reviews."""
    graph = await _traced(Ref("decision", str(decision_id)), work)
    return {"decision": _view(graph.nodes[graph.origin]), **_whole(graph)}


@router.get("/v1/lineage/{kind}/{identity}")
@needs("decisions:read")
async def show_lineage(kind: str, identity: str, work: InTransaction) -> dict[str, Any]:
    """The same from any node: why it is as it is, and what came of it."""
    graph = await _traced(Ref(kind, identity), work)
    return {"origin": _view(graph.nodes[graph.origin]), **_whole(graph)}


@router.post("/v1/sign-in-links", status_code=201)
@needs(SCOPE)
async def create_sign_in_link(
    request: Request, work: InTransaction, access: Caller, wanted: LinkWanted | None = None
) -> dict[str, Any]:
    """A link that signs a browser in, once, within ten minutes, with what the caller's key may see."""
    key = request.headers["authorization"].partition(" ")[2].strip()
    token, expires_at = await make_sign_in_link(SignedIn(access.workspace, digest_of(key)), work)
    path = local_path(wanted.next if wanted else None)
    url = f"{request.app.state.settings.public_url}/enter/{token}"
    return {"url": url + (f"?{urlencode({'next': path}, safe='/')}" if path != "/" else ""), "expires_at": expires_at}


async def _traced(origin: Ref, work: ConsoleWork) -> Graph:
    graph = await trace_lineage(origin, work) if "\x00" not in str(origin) else None
    if graph is None:
        raise NotFound(origin.kind.replace("_", " "), origin.id)
    return graph


def _whole(graph: Graph) -> dict[str, Any]:
    return {
        "nodes": [_view(node) for node in graph.nodes.values()],
        "edges": [
            {"from": str(edge.source), "relation": edge.relation, "to": str(edge.target)} for edge in graph.edges
        ],
        "counts": graph.counts,
        "truncated": graph.truncated,
    }


def _view(node: Node) -> dict[str, Any]:
    return {
        "kind": node.ref.kind,
        "id": node.ref.id,
        "title": node.title,
        "text": node.text,
        "state": node.state,
        "at": node.at,
        "attributes": {name: value for name, value in node.attributes.items() if value is not None},
    }
