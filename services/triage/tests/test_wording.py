"""Severity in words: what hurts weighs, in eight languages; how often it is said does not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.wording import LEXICON, severity_in_words, signs_of


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        ("data loss", "After the update all my data was deleted"),
        ("data loss", "Meine Daten sind weg"),
        ("data loss", "J'ai eu une perte de données"),
        ("security", "I see another clinic's list, your system was hacked"),
        ("wrong charge", "I was charged twice this month"),
        ("wrong charge", "Ich wurde doppelt belastet"),
        ("wrong charge", "Me han cobrado dos veces"),
        ("legal", "Next time my lawyer will write to you"),
        ("legal", "Das verstößt gegen die DSGVO"),
        ("cancelling", "We are cancelling our subscription"),
        ("cancelling", "Dann kündigen wir"),
        ("refund", "I want a refund"),
        ("refund", "Je demande un remboursement"),
        ("crash", "The app crashes on start"),
        ("crash", "Die App stürzt ständig ab"),
        ("cannot go on", "Patients can’t move an appointment"),
        ("cannot go on", "Patienten können den Termin nicht verschieben"),
        ("cannot go on", "No puedo cambiar la cita"),
        ("cannot go on", "Non riesco a entrare"),
        ("cannot go on", "Não consigo entrar"),
        ("cannot go on", "Het werkt niet"),
        ("cannot go on", "To nie działa"),
        ("urgent", "URGENT: nobody gets reminders"),
        ("urgent", "Bitte dringend beheben"),
        ("money lost", "We are losing customers over this"),
        ("anger", "This is unacceptable"),
    ],
)
def test_what_hurts_is_recognised(sign: str, text: str) -> None:
    assert sign in signs_of(text)


@pytest.mark.parametrize(
    "text", ["The logo is a bit small", "Love it", "Die Farbe ist schön", "Where do I find invoices?", "", "😀" * 50]
)
def test_what_is_calm_weighs_nothing(text: str) -> None:
    assert signs_of(text) == {}


def test_a_problem_weighs_the_mean_over_its_voices_with_two_calm_ones_added() -> None:
    found = severity_in_words([("a", "all my data is gone"), ("b", "it crashes"), ("c", "fine")])
    assert found.weight == pytest.approx((1.0 + 0.7 + 0.0) / 5)
    assert (found.voices, found.signs) == (3, {"data loss": 1, "crash": 1})


@given(st.integers(1, 50))
def test_one_voice_that_shouts_weighs_as_one_that_speaks(times: int) -> None:
    once = [("a", "I lost all my data, my lawyer will sue you"), ("b", "fine")]
    flood = [("a", "I lost all my data, my lawyer will sue you " * times)] * times + [("b", "fine")]
    assert severity_in_words(flood).weight == pytest.approx(severity_in_words(once).weight)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=80))))
def test_it_lies_between_zero_and_one(said: list[tuple[str, str]]) -> None:
    assert 0 <= severity_in_words(said).weight < 1


def test_the_lexicon_is_ordered_by_weight_and_reading_it_takes_no_time() -> None:
    weights = [weight for weight, _ in LEXICON.values()]
    assert weights == sorted(weights, reverse=True)
    assert 0 < weights[-1] <= weights[0] == 1
    began = time.monotonic()
    for word in ("can ", "kann x ", "lost a ", "perdu ", "a" * 40, "data "):
        signs_of(word * 30_000)
    assert time.monotonic() - began < 1
