"""The lexical part: shared words bring texts near, and the same words give the same row everywhere and for ever."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.embedding.lexical import LEXICAL, MOST_WORDS, Words, splitmix, words_of


def nearness(one: str, other: str) -> float:
    rows = Words().rows([one, other])
    return float(rows[0] @ rows[1])


def test_splitmix64_is_the_published_generator() -> None:
    """The first three outputs for the seed 0, as in Vigna's reference implementation."""
    step = 0x9E3779B97F4A7C15
    states = np.array([0, step, 2 * step % 2**64], dtype=np.uint64)
    assert [hex(one) for one in splitmix(states).tolist()] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_a_row_is_whole_numbers_of_signs() -> None:
    (row,) = Words().rows(["export crashes"])  # two words and a pair: each column ±1 or ±3 before it is scaled
    assert row.shape == (LEXICAL,)
    smallest = np.abs(row).min()
    assert np.allclose(np.unique(np.round(np.abs(row) / smallest)), [1, 3])


def test_nearness_estimates_the_shared_words_and_pairs() -> None:
    assert nearness("the export crashes", "The EXPORT, crashes!") == pytest.approx(1)
    assert nearness("the export crashes", "crashes the export") > 0.5  # four of five features
    assert abs(nearness("the export crashes daily", "billing went wrong again")) < 0.35


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_plain_letters_are_the_same_words_by_the_short_way(text: str) -> None:
    assert words_of(text) == words_of(f"{text} é")[:-1]


@pytest.mark.parametrize("words", [100, 127, 128, 129, 130, 300])
def test_a_text_of_any_length_has_the_same_row_beside_any_other(words: int) -> None:
    """Sums of up to 255 signs are added in bytes, those of more are not."""
    text = " ".join(f"w{number}" for number in range(words))
    alone, short = Words().rows([text]), Words().rows(["one two"])
    together = Words().rows(["one two", text, " ".join(f"v{number}" for number in range(400))])
    assert together[:2].tobytes() == np.concatenate([short, alone]).tobytes()


def test_a_word_said_again_counts_once() -> None:
    assert nearness("late late late late", "late late") == pytest.approx(1)


@pytest.mark.parametrize(("one", "other"), [("登录总是失败", "昨天登录失败"), ("เข้าสู่ระบบไม่ได้", "ระบบเข้าไม่ได้")])
def test_scripts_without_spaces_share_letters_and_pairs(one: str, other: str) -> None:
    assert nearness(one, other) > 0.3


def test_a_text_without_words_still_has_a_row() -> None:
    assert np.allclose(np.linalg.norm(Words().rows(["", "😀", "!?"]), axis=1), 1)
    assert nearness("😀 😀", "😀") > 0.5


def test_only_the_first_and_last_words_of_many_are_read() -> None:
    half = MOST_WORDS // 2
    head, tail = ([f"{end}{number}" for number in range(half)] for end in ("head", "tail"))
    assert nearness(" ".join([*head, *tail]), " ".join([*head, *["between"] * 900, *tail])) == pytest.approx(1)


def test_words_forgotten_for_room_hash_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.triage.embedding.lexical._KEPT", 3)
    texts = [f"word{number} and word{number + 1}" for number in range(50)]
    small = Words().rows(texts)
    monkeypatch.undo()
    assert np.array_equal(Words().rows(texts), small)
