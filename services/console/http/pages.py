"""The pages that people read. No page changes anything but who is signed in."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from libs.runtime.http import current_work
from libs.runtime.paging import decode_cursor, encode_cursor
from libs.runtime.problems import NotFound
from services.console.domain.facts import Ref
from services.console.domain.graph import Graph
from services.console.domain.interval import interval_of
from services.console.domain.story import QUESTIONS, tell_decision, tell_problem
from services.console.http.page import Page
from services.console.http.rendering import render
from services.console.store.work import ConsoleWork
from services.console.use_cases.list_everything import ListKind, list_kind
from services.console.use_cases.trace_lineage import trace_lineage

router = APIRouter(route_class=Page, include_in_schema=False)
InTransaction = Annotated[ConsoleWork, Depends(current_work)]
_ON_OVERVIEW = 12
_ON_LIST = 50


@router.get("/")
async def overview(request: Request, work: InTransaction) -> Response:
    """The most reported problems, and the newest experiments and decisions."""
    lists = {kind: await _list(kind, None, _ON_OVERVIEW, work) for kind in ("problems", "experiments", "decisions")}
    public_url = request.app.state.settings.public_url
    return render(request, "overview.html", lists=lists, public_url=public_url)


@router.get("/problems")
async def problems(request: Request, work: InTransaction, after: str = "") -> Response:
    return await _list_page(request, "problems", after, work)


@router.get("/experiments")
async def experiments(request: Request, work: InTransaction, after: str = "") -> Response:
    return await _list_page(request, "experiments", after, work)


@router.get("/decisions")
async def decisions(request: Request, work: InTransaction, after: str = "") -> Response:
    return await _list_page(request, "decisions", after, work)


@router.get("/problems/{identity}")
async def problem(request: Request, identity: str, work: InTransaction) -> Response:
    """A problem: its quotes, the eight questions, what was tested, what was decided."""
    graph = await _graph("problem", identity, work)
    return render(request, "problem.html", story=tell_problem(graph.origin, graph), truncated=graph.truncated)


@router.get("/decisions/{identity}")
async def decision(request: Request, identity: str, work: InTransaction) -> Response:
    """A decision's why, from the customers' words to what became of it."""
    return render(request, "decision.html", story=tell_decision(await _graph("decision", identity, work)))


@router.get("/experiments/{identity}")
async def experiment(request: Request, identity: str, work: InTransaction) -> Response:
    """An experiment is shown where its question comes from: on the page of its problem."""
    about = _ref("experiment", identity)
    node = await (await work.lineage()).find(about)
    if node is None or "problem_id" not in node.attributes:
        raise NotFound("experiment", identity)
    return RedirectResponse(f"/problems/{node.attributes['problem_id']}#experiment-{about.id}", 303)


async def _list_page(request: Request, kind: ListKind, after: str, work: ConsoleWork) -> Response:
    part = await _list(kind, decode_cursor(after) if after else None, _ON_LIST, work)
    public_url = request.app.state.settings.public_url
    return render(request, "list.html", kind=kind, part=part, first=not after, public_url=public_url)


async def _list(kind: ListKind, after: list[Any] | None, limit: int, work: ConsoleWork) -> dict[str, Any]:
    page = await list_kind(kind, after, limit, work)
    part: dict[str, Any] = {"nodes": page.nodes, "next": encode_cursor(page.more_after) if page.more_after else None}
    if kind == "decisions":
        part["positions"] = await (await work.lists()).positions_on(page.nodes)
    if kind == "experiments":
        part["intervals"] = {node.ref: interval_of(node.attributes) for node in page.nodes}
    return part | {"questions": len(QUESTIONS)}


async def _graph(kind: str, identity: str, work: ConsoleWork) -> Graph:
    graph = await trace_lineage(_ref(kind, identity), work)
    if graph is None:
        raise NotFound(kind, identity)
    return graph


def _ref(kind: str, identity: str) -> Ref:
    try:
        return Ref(kind, str(UUID(identity)))
    except ValueError:
        raise NotFound(kind, identity) from None
