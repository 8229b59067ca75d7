"""Field types that every service's input models share: text that Postgres and JSON can hold, within bounds."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    value.encode()  # a lone surrogate is a ValueError here, with a message that names it
    return value


Storable = AfterValidator(_storable)
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30_000), Storable]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
