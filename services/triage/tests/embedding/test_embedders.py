"""What every embedder promises: unit rows for any text, independent of its neighbours, in bounded time."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.triage.embedding.choose import choose_embedder
from services.triage.embedding.embedder import Embedder

HOSTILE = {
    "empty": "",
    "white space": " \t\n\u2003",
    "NUL": "\x00",
    "NUL inside": "cannot\x00log in",
    "one letter": "x",
    "emoji only": "😀🎉👩‍👩‍👧‍👦",
    "lone surrogates": "log\ud800in\udfff",
    "right to left": "لا أستطيع تسجيل الدخول \u202eabc",
    "stacked accents": "e" + "\u0301" * 5_000,
    "30,000 characters": "The invoice shows the wrong amount. " * 834,
    "30,000 letters without a space": "a" * 30_000,
    "30,000 letters of a script without spaces": "登录失败了" * 6_000,
    "30,000 ligatures that are 18 letters each": "\ufdfa" * 30_000,
    "one word a million times": "late " * 1_000_000,
    "a model's own signs": "[CLS] [SEP] [PAD] <s> </s> <unk> query: passage:",
}
COMPLAINTS = [
    "I cannot log in since the update",
    "login fails with an error after updating the app",
    "the invoice shows the wrong amount",
    "I was billed the wrong sum this month",
]
anything = st.text(st.characters(exclude_categories=()), max_size=200)


def kept(rows: NDArray[np.float32], embedder: Embedder, texts: Sequence[str]) -> None:
    assert rows.shape == (len(texts), embedder.dimensions)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_has_a_unit_row_soon(embedder: Embedder, text: str) -> None:
    embedder.embed(["warm"])
    began = time.process_time()
    kept(embedder.embed([text]), embedder, [text])
    assert time.process_time() - began < 3


@given(st.lists(anything, max_size=12), st.integers(0, 12))
def test_light_takes_any_text_and_no_text_sees_its_neighbours(light: Embedder, texts: list[str], at: int) -> None:
    rows = light.embed(texts)
    kept(rows, light, texts)
    assert np.array_equal(np.concatenate([light.embed(texts[:at]), light.embed(texts[at:])]), rows)


@settings(max_examples=20)
@given(st.lists(anything, max_size=6), st.integers(0, 6))
def test_quality_takes_any_text_and_no_text_sees_its_neighbours(quality: Embedder, texts: list[str], at: int) -> None:
    rows = quality.embed(texts)
    kept(rows, quality, texts)
    assert np.array_equal(np.concatenate([quality.embed(texts[:at]), quality.embed(texts[at:])]), rows)


@settings(max_examples=8)
@given(st.lists(anything, max_size=4))
def test_multilingual_takes_any_text(multilingual: Embedder, texts: list[str]) -> None:
    kept(multilingual.embed(texts), multilingual, texts)


def test_a_row_is_the_same_bit_for_bit_whatever_the_batch(embedder: Embedder) -> None:
    texts = [*COMPLAINTS, *(f"{text} {number}" for number in range(5) for text in COMPLAINTS), "", "😀", "late " * 300]
    together = embedder.embed(texts)
    assert np.array_equal(np.concatenate([embedder.embed([text]) for text in texts]), together)
    assert np.array_equal(embedder.embed(texts[::-1])[::-1], together)


def test_more_texts_than_one_batch_keep_their_order(light: Embedder) -> None:
    texts = [f"order {number} never arrived" for number in range(700)]
    assert np.array_equal(light.embed(texts)[[0, 300, 699]], light.embed([texts[0], texts[300], texts[699]]))


def test_words_forgotten_for_room_are_read_the_same_again(
    light: Embedder, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"word{number} and {'long' * number} again" for number in range(20)]
    monkeypatch.setattr("services.triage.embedding.light._KEPT", 5)
    small = choose_embedder("light", cache=models)
    assert np.array_equal(np.concatenate([small.embed([text]) for text in texts]), light.embed(texts))


def test_nothing_in_is_nothing_out(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_texts_about_one_thing_are_nearer_than_others(embedder: Embedder) -> None:
    rows = embedder.embed(COMPLAINTS)
    nearness = rows @ rows.T
    for one, like in ((0, 1), (2, 3)):
        others = {0, 1, 2, 3} - {one, like}
        assert nearness[one, like] > max(nearness[one, other] for other in others)
        assert nearness[one, like] > max(nearness[like, other] for other in others)


def test_the_tail_of_a_long_text_counts(light: Embedder) -> None:
    long = "We have been customers for many years and like the product. " * 500
    question = light.embed(["the export to PDF crashes", long, f"{long} The export to PDF crashes."])
    assert question[0] @ question[2] > question[0] @ question[1] + 0.02


def test_shouting_and_unseen_characters_change_nothing(light: Embedder) -> None:
    plain, shouted, hidden, wide = light.embed(
        [
            "the export crashes",
            "THE EXPORT CRASHES",
            "the ex\u200bport\ufeff crash\u00ades",
            "ｔｈｅ　ｅｘｐｏｒｔ　ｃｒａｓｈｅｓ",
        ]
    )
    for other in (shouted, hidden, wide):
        assert plain @ other > 0.999


def test_the_same_problem_in_other_languages_is_near(multilingual: Embedder) -> None:
    texts = [
        "I cannot log in",
        "Ich kann mich nicht anmelden",
        "No puedo iniciar sesión",
        "无法登录",
        "The invoice is wrong",
    ]
    rows = multilingual.embed([*texts, "Die Rechnung stimmt nicht"])
    nearness = rows @ rows.T
    assert nearness[0, 1:4].min() > nearness[0, 4]
    assert nearness[5, 4] > nearness[5, 1]


def test_light_1_means_these_vectors(light: Embedder) -> None:
    """Whoever changes what comes out must change the version, or old and new vectors would be compared."""
    assert light.version == "light-1"
    (row,) = light.embed(["Reminders reach my clients an hour late"])
    assert np.allclose(row[:4], [0.0437, 0.04558, -0.01104, -0.06685], atol=2e-4)
    assert np.allclose(row[light.semantic : light.semantic + 4], [0.03243, -0.01081, 0.07566, -0.01081], atol=1e-5)
