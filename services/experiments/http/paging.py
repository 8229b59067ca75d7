"""Pages of a list, by the id of its last item."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from libs.runtime.paging import MAX_LIMIT, decode_cursor, encode_cursor
from libs.runtime.problems import Invalid

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


def page(views: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    """The first `limit` of `views`; one more than that means that there is a next page."""
    shown = views[:limit]
    more = len(views) > limit
    return {"items": shown, "next_cursor": encode_cursor([str(shown[-1]["id"])]) if more else None}


def after(cursor: str | None) -> UUID | None:
    """The id that a page goes on behind. Raises Invalid."""
    if cursor is None:
        return None
    values = decode_cursor(cursor)
    try:
        return UUID(values[0])
    except (IndexError, ValueError, AttributeError, TypeError) as error:
        raise Invalid("this cursor is not one that a list gave out; begin without a cursor") from error
