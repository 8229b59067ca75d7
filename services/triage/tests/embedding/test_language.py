"""Languages: six told apart, unsure said openly, a given code wins, and nothing leaves the machine."""

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.embedding.language import UNSURE, languages_of

SAID = {
    "en": "Reminders reach my clients an hour late and nobody answers my mails",
    "de": "Die Erinnerungen kommen bei meinen Kunden eine Stunde zu spät an",
    "fr": "Les rappels arrivent chez mes clients avec une heure de retard",
    "es": "Los recordatorios llegan a mis clientes con una hora de retraso",
    "pt": "Os lembretes chegam aos meus clientes com uma hora de atraso",
    "zh": "我的客户总是晚一个小时才收到提醒",
}


def test_six_languages_are_told_apart() -> None:
    assert languages_of(list(SAID.values())) == list(SAID)


def test_capitals_and_lines_do_not_matter() -> None:
    assert languages_of([text.upper().replace(" ", "\n") for text in SAID.values()]) == list(SAID)


@pytest.mark.parametrize("text", ["", "   ", "ok", "404", "😀😀😀", "\x00", "\ud800", "...", "x" * 5])
def test_too_little_to_tell_is_said(text: str) -> None:
    assert languages_of([text]) == [UNSURE]


@pytest.mark.parametrize(
    ("given", "said"),
    [("de", "de"), ("pt-BR", "pt"), ("zh_Hans_CN", "zh"), (" EN ", "en"), ("yue", "yue")],
)
def test_a_given_code_wins(given: str, said: str) -> None:
    assert languages_of([SAID["fr"]], [given]) == [said]


@pytest.mark.parametrize("given", [None, "", "und", "english", "e", "<b>", "1"])
def test_what_is_no_code_is_not_believed(given: str | None) -> None:
    assert languages_of([SAID["fr"]], [given]) == ["fr"]


def test_one_code_per_text_or_none() -> None:
    with pytest.raises(ValueError, match="zip"):
        languages_of(["a", "b"], ["en"])


def test_long_texts_take_no_longer() -> None:
    languages_of(["warm"])
    began = time.process_time()
    assert languages_of([SAID["de"] * 20_000, "late " * 1_000_000])[0] == "de"
    assert time.process_time() - began < 0.5


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert languages_of([SAID["es"]]) == ["es"]


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=5))
def test_any_text_has_an_answer(texts: list[str]) -> None:
    assert all(code == UNSURE or 2 <= len(code) <= 3 for code in languages_of(texts))
