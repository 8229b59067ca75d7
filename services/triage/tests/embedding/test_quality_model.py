"""The quality model is built once, by whoever comes first, and a bad cache never stops anybody."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contracts.generate import ROOT
from services.triage.embedding.embedder import Embedder, EmbedderNotBuilt
from services.triage.embedding.quality import QualityEmbedder

TEXTS = ["cannot log in", "the invoice is wrong"]
BUILD = "import sys, pathlib; from services.triage.embedding.quality import QualityEmbedder as Q; \
Q(pathlib.Path(sys.argv[1])).embed(['x'])"


def test_it_is_built_once_and_said_so(models: Path, quality: Embedder, capfd: pytest.CaptureFixture[str]) -> None:
    (file,) = models.iterdir()
    before = file.stat().st_mtime_ns
    assert 20e6 < file.stat().st_size < 26e6
    assert np.array_equal(QualityEmbedder(models).embed(TEXTS), quality.embed(TEXTS))
    assert file.stat().st_mtime_ns == before
    assert capfd.readouterr().err == ""


def test_two_that_build_at_once_end_with_one_whole_file(tmp_path: Path, quality: Embedder) -> None:
    cache = tmp_path / "not" / "yet"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([sys.executable, "-c", BUILD, str(cache)], env=env, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "building the quality embedder, once" in said[0] + said[1]
    assert len(list(cache.iterdir())) == 1
    assert np.array_equal(QualityEmbedder(cache).embed(TEXTS), quality.embed(TEXTS))


def test_a_damaged_file_is_built_again(
    tmp_path: Path, models: Path, quality: Embedder, capfd: pytest.CaptureFixture[str]
) -> None:
    (whole,) = models.iterdir()
    damaged = tmp_path / whole.name
    damaged.write_bytes(whole.read_bytes()[:1_000_000])
    assert np.array_equal(QualityEmbedder(tmp_path).embed(TEXTS), quality.embed(TEXTS))
    assert "is built again" in capfd.readouterr().err
    assert damaged.stat().st_size == whole.stat().st_size


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(
    tmp_path: Path, quality: Embedder, capfd: pytest.CaptureFixture[str]
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("here is no folder")
    assert np.array_equal(QualityEmbedder(occupied).embed(TEXTS), quality.embed(TEXTS))
    assert "could not be kept" in capfd.readouterr().err


def test_building_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # the Python that builds finds nothing
    with pytest.raises(EmbedderNotBuilt, match="could not be built: "):
        QualityEmbedder(tmp_path / "models")
