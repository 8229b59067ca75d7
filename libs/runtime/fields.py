"""Field types that every service's input models share: values that Postgres and JSON can hold, within bounds.

JSON has types, and they are taken at their word: a number is no date, and "yes" is no boolean.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

_BEGINS_WITH_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # an offset must not carry it out of the years that there are


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    value.encode()  # a lone surrogate is a ValueError here, with a message that names it
    return value


def _written(value: Any) -> Any:
    """Numbers, also in quotes, would be taken for seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _BEGINS_WITH_DATE.match(value)):
        return value
    raise ValueError("must be a string as in RFC 3339, for example 2026-11-22T09:30:00Z, or 2026-11-22 for a day")


def _in_range(value: datetime) -> datetime:
    if not _EARLIEST <= value < _LATEST:
        raise ValueError("must lie between the years 1970 and 9999")
    return value


Storable = AfterValidator(_storable)
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30_000), Storable]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_range)]
Day = Annotated[date, BeforeValidator(_written)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
