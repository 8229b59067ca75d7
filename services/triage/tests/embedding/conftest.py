"""The three embedders, each made once. A missing one fails here and says what to install: nothing is left out."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.embedder import Embedder

settings.register_profile("embedding", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("embedding")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which models are kept that are built once."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def light(models: Path) -> Embedder:
    return choose_embedder("light", cache=models)


@pytest.fixture(scope="session")
def quality(models: Path) -> Embedder:
    return choose_embedder("quality", cache=models)


@pytest.fixture(scope="session")
def multilingual(models: Path) -> Embedder:
    return choose_embedder("multilingual", cache=models)


@pytest.fixture(scope="session", params=["light", "quality", "multilingual"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return request.getfixturevalue(request.param)
