"""A home per test."""

from collections.abc import Iterator

import pytest

from deploy.embedded.home import Home, temporary_home


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as made:
        made.prepare()
        yield made
