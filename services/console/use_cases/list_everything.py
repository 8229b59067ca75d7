"""The lists of the console: problems, experiments, decisions, each ranked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from libs.runtime.problems import Invalid
from services.console.store.lineage import Page
from services.console.store.work import ConsoleWork

T = TypeVar("T")
ListKind = Literal["problems", "experiments", "decisions"]


async def list_kind(kind: ListKind, after: list[Any] | None, limit: int, work: ConsoleWork) -> Page:
    """One page of a list, continued after a cursor's values. Raises Invalid for values of another list."""
    lists = await work.lists()
    if kind == "problems":
        return await lists.problems(after=_place(after, _count) if after else None, limit=limit)
    place = _place(after, _moment) if after else None
    return await lists.newest("experiment" if kind == "experiments" else "decision", after=place, limit=limit)


def _place(values: list[Any], read: Callable[[Any], T]) -> tuple[T, str]:
    """The sort value and the id in a cursor, which anybody may have written."""
    try:
        rank, identity = values
        return read(rank), str(UUID(identity))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Invalid("this cursor belongs to another list; begin without a cursor") from error


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise ValueError("not a count")
    return value


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)
