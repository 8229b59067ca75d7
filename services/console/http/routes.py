"""All routes of the console: the API for programs, the pages for people, and what answers when nothing else does."""

from fastapi import APIRouter, Request

from libs.runtime.problems import Problem
from services.console.http import api, doors, pages

router = APIRouter()
router.include_router(api.router)
router.include_router(doors.assets)
router.include_router(doors.router)
router.include_router(pages.router)


@router.get("/v1/{path:path}", include_in_schema=False)
async def unknown_call(request: Request) -> None:
    """A program that asks for what is not there gets a problem document, not a page."""
    raise Problem(404, "not-found", "Not found", f"nothing answers {request.url.path}")


router.include_router(doors.elsewhere)
