"""From a text to its stems: the fast way finds what the full one finds, whatever was written."""

from hypothesis import given
from hypothesis import strategies as st

from services.triage.grouping.words import MAX_TERMS, stems_of, terms_of

_PIECES = st.sampled_from(
    [
        "Export",
        "exports",
        "the",
        "ß",
        "Ångström",
        "日本語の長い文",
        "https://x.example/a?b=c",
        "me@x.example",
        "<b>",
        "a" * 40,
    ]
)


@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=40).map(" ".join)))
def test_stems_are_those_of_terms_in_their_order(text: str) -> None:
    assert stems_of(text) == list(terms_of(text))


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_plain_letters_have_the_same_stems_by_the_short_way(text: str) -> None:
    assert stems_of(f"{text} éé") == list(dict.fromkeys([*stems_of(text), "ee"]))


def test_no_text_has_more_than_the_most_stems() -> None:
    text = " ".join("".join(chr(97 + int(digit)) for digit in f"{n:06}") for n in range(400))
    assert len(stems_of(text)) == MAX_TERMS == len(terms_of(text))


def test_addresses_are_no_words() -> None:
    assert stems_of("see https://shop.example/cart or WWW.shop.example, mail me@shop.example") == stems_of(
        "see or , mail"
    )
