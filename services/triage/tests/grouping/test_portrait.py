"""The portrait of a problem: one customer's sentence, what sets it apart, quotes that differ, and what is asked for."""

import time
from collections import Counter
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.triage.grouping.portrait import (
    MOST_QUOTES,
    MOST_READ,
    MOST_TERMS,
    Heard,
    Portrait,
    draw,
    nearest,
    word_vectors,
)
from services.triage.grouping.sentences import LONGEST, is_courtesy, is_request, sentences_of
from services.triage.grouping.words import terms_of

EXPORT = (
    "The invoice export fails with an error.",
    "Hello, the invoice export shows an error since Monday. Thanks a lot!",
    "Export of invoices ends in an error, our accountant waits for it.",
    "Error in the invoice export again.",
    "Our invoice export stops with an error after page two.",
    "Please add a retry button to the invoice export. The invoice export fails with an error every time.",
)
OTHERS = ("The login page is slow", "I cannot log in on my phone", "Reminders come an hour late", "Calendar is slow")


def heard(texts: tuple[str, ...] | list[str], voices: list[str] | None = None, named: bool = True) -> list[Heard]:
    return [
        Heard(UUID(int=at + 1), text, voices[at] if voices else f"customer:{at}", named)
        for at, text in enumerate(texts)
    ]


def drawn(found: list[Heard], vectors: NDArray[np.floating] | None = None) -> Portrait:
    others = Counter(term for text in OTHERS for term in terms_of(text))
    rows = word_vectors([one.text for one in found]) if vectors is None else vectors
    portrait = draw(found, rows, others, len(OTHERS))
    assert portrait is not None
    return portrait


def words_of(portrait: Portrait, found: list[Heard]) -> list[str]:
    by_id = {one.feedback_id: one.text for one in found}
    return [by_id[quote] for quote in portrait.quotes]


def test_the_statement_is_a_central_customers_sentence_and_neither_greeting_nor_wish() -> None:
    found = heard([*EXPORT, "The weather was fine on our holiday in Spain", "Hello there, thanks!"])
    portrait = drawn(found)
    assert {"export", "error"} <= set(portrait.statement.lower().strip(".").split())
    assert not is_courtesy(portrait.statement)
    assert not is_request(portrait.statement)
    assert portrait.statement in next(one.text for one in found if one.feedback_id == portrait.stated_by)


def test_a_flood_of_one_customer_neither_states_the_problem_nor_fills_the_quotes() -> None:
    flood = [f"Buy cheap watches from us today, offer {number}" for number in range(60)]
    found = heard([*EXPORT, *flood], [f"customer:{n}" for n in range(len(EXPORT))] + ["customer:loud"] * len(flood))
    portrait = drawn(found)
    assert "export" in portrait.statement
    assert sum("watches" in text for text in words_of(portrait, found)) <= 1
    assert "watches" not in [term.word for term in portrait.terms]


def test_the_words_that_set_it_apart_are_used_here_and_not_elsewhere() -> None:
    terms = drawn(heard(EXPORT)).terms
    assert {"export", "error"} <= {term.word for term in terms[:3]}
    assert [term.z for term in terms] == sorted((term.z for term in terms), reverse=True)
    assert all(term.voices > 1 for term in terms)
    assert len(terms) <= MOST_TERMS


def test_quotes_represent_and_differ() -> None:
    copies = ["The invoice export fails with an error."] * 5
    found = heard([*EXPORT, *copies, "Lovely weather today"])
    texts = words_of(drawn(found), found)
    assert 3 <= len(texts) <= MOST_QUOTES
    assert len({text.casefold() for text in texts}) == len(texts)
    assert "Lovely weather today" not in texts


def test_no_two_quotes_of_one_customer_but_of_a_source_without_names() -> None:
    same = heard(EXPORT, ["customer:a"] * len(EXPORT))
    assert len(drawn(same).quotes) == 1
    anonymous = heard(EXPORT, ["source:app-store"] * len(EXPORT), named=False)
    assert len(drawn(anonymous).quotes) >= 3


@pytest.mark.parametrize(
    "line",
    [
        "Please add a button for it",
        "It would be great if patients could move it",
        "Can you make the letters larger?",
        "It should be possible to undo this",
        "Bitte baut eine Erinnerung ein",
        "Es wäre toll, wenn man das verschieben könnte",
        "Merci d'ajouter un export",
        "Ce serait bien de pouvoir changer l'heure",
        "Sería genial poder cambiar la cita",
        "Sarebbe utile un promemoria",
        "Seria ótimo poder remarcar",
        "Het zou fijn zijn als dat kon",
        "Czy możecie dodać przypomnienia?",
    ],
)
def test_a_request_is_recognised_in_many_languages(line: str) -> None:
    assert is_request(line)


@pytest.mark.parametrize(
    "line",
    [
        "The export fails with an error",
        "I cannot move my appointment",
        "Die Uhrzeit in der Erinnerung ist falsch",
        "L'application se ferme toute seule",
        "No puedo cambiar la cita",
        "L'app si blocca",
    ],
)
def test_what_hurts_is_no_request(line: str) -> None:
    assert not is_request(line)


def test_the_request_is_kept_apart_from_the_problem() -> None:
    portrait = drawn(heard(EXPORT))
    assert portrait.request is not None
    assert portrait.request.text == "Please add a retry button to the invoice export."
    assert (portrait.request.feedback_id, portrait.request.voices) == (UUID(int=6), 1)
    assert drawn(heard(EXPORT[:5])).request is None


def test_sentences_are_readable_lines() -> None:
    text = "Dear support,\n\nHello, the export fails. It costs ca. 5 hours.\n\nBest regards\nAnn"
    assert sentences_of(text) == ["The export fails.", "It costs ca. 5 hours.", "Ann"]
    assert all(len(line) <= LONGEST for line in sentences_of("word " * 5_000))


def test_the_nearest_problem_is_the_one_about_the_same() -> None:
    rows = word_vectors([" ".join(OTHERS[:2]), "invoice export error", "calendar slow"])
    found = nearest(word_vectors(["the invoice export has an error"])[0], rows, 2)
    assert found[0][0] == 1
    assert found[0][1] > 0.5 > found[1][1]
    assert nearest(rows[0], rows[:0], 5) == []


def test_a_full_sample_is_drawn_in_a_fraction_of_a_second() -> None:
    hostile = ["login " * 600, "x" * 4_000, "?" * 4_000, "a. " * 1_300, "please " * 500, "😀" * 2_000]
    found = heard((hostile * 40)[:MOST_READ])
    began = time.monotonic()
    draw(found, word_vectors([one.text for one in found]), {}, 0)
    assert time.monotonic() - began < 5


hostile_text = st.text(max_size=200) | st.sampled_from(["", " ", "\x00", "\ud800", "\u202eabc", "a" * 3_000])
some = st.lists(st.tuples(hostile_text, st.sampled_from(["customer:a", "customer:b", "source:s"])), max_size=12)


@settings(max_examples=60, deadline=None)
@given(some, st.integers(0, 2**32 - 1), st.sampled_from([1.0, 0.0, float("nan"), float("inf"), 1e30]))
def test_any_words_with_any_vectors_are_drawn_or_left(said: list[tuple[str, str]], seed: int, scale: float) -> None:
    found = heard([text for text, _ in said], [voice for _, voice in said])
    vectors = np.random.default_rng(seed).normal(size=(len(found), 8)) * scale
    portrait = draw(found, vectors, {"abc": 3}, 5)
    again = draw(found, vectors, {"abc": 3}, 5)
    if portrait is None:
        assert again is None
        return
    assert again is not None
    assert (portrait.statement, portrait.quotes) == (again.statement, again.quotes)
    assert 0 < len(portrait.statement) <= LONGEST
    assert np.isfinite(portrait.centroid).all()
    assert portrait.stated_by in {one.feedback_id for one in found}
