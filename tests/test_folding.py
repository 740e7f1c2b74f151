from __future__ import annotations

import json
import unicodedata
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.folding import BLANK, fold, fold_batch, folding_version
from strategies import (
    EMOJI,
    INVISIBLES,
    IOTA_SUBSCRIPTS,
    LOOKALIKES,
    REWRITES,
    SIMPLIFIED,
    TRADITIONAL,
    disguised,
    insertions,
    models,
    texts,
)

EVERY_CHARACTER = [chr(code) for code in range(0x110000)]
PROVENANCE = json.loads((files("postrisk") / "folding_table.json").read_text("utf-8"))


def fold_all(characters):
    folded = []
    for start in range(0, len(characters), 1 << 16):
        batch = fold_batch(characters[start : start + (1 << 16)])
        folded += [batch.text(index) for index in range(len(batch))]
    return folded


@pytest.fixture(scope="module")
def folded():
    return fold_all(EVERY_CHARACTER)


def numbers(version):
    return tuple(map(int, version.split(".")))


@pytest.mark.skipif(
    numbers(unicodedata.unidata_version) > numbers(PROVENANCE["unicode"]),
    reason="this Python knows letters that the table was made before",
)
@pytest.mark.parametrize("name", [n for n in REWRITES if n not in ("traditional", "simplified")])
def test_law_1_every_character_of_unicode_in_every_form(folded, name):
    rewritten = [REWRITES[name](char) for char in EVERY_CHARACTER]
    changed = [index for index, char in enumerate(EVERY_CHARACTER) if rewritten[index] != char]
    assert len(changed) > 90
    again = fold_all([rewritten[index] for index in changed])
    differ = {
        EVERY_CHARACTER[index]
        for index, fold_of_form in zip(changed, again, strict=True)
        if fold_of_form != folded[index]
    }
    assert differ <= IOTA_SUBSCRIPTS
    if name == "upper":
        assert differ == IOTA_SUBSCRIPTS


def test_law_1_folding_twice_is_folding_once_for_every_character(folded):
    assert fold_all(folded) == folded


def test_folding_deletes_marks_invisibles_and_surrogates_and_no_letter(folded):
    for char, fold_of_char in zip(EVERY_CHARACTER, folded, strict=True):
        category = unicodedata.category(char)
        if category in {"Mn", "Me", "Cs", "Cf"}:
            assert not fold_of_char, ascii(char)
        elif category in {"Lu", "Ll", "Lt", "Nd"}:
            assert fold_of_char, ascii(char)


def test_folded_characters_are_not_empty_blanks_or_capitals(folded):
    for fold_of_char in folded:
        assert "\0" not in fold_of_char
        assert fold_of_char == fold_of_char.strip()
        assert not any("A" <= char <= "Z" for char in fold_of_char)


@given(disguised(), models())
def test_law_1_a_disguise_changes_no_score(pair, model):
    text, changed = pair
    assert fold(changed) == fold(text)
    np.testing.assert_array_equal(model.logits([changed]), model.logits([text]))
    np.testing.assert_array_equal(model.predict_proba([changed]), model.predict_proba([text]))


@given(texts(), st.data())
def test_law_1_invisible_characters_and_stacked_marks_anywhere(text, data):
    assert fold(data.draw(insertions(text))) == fold(text)
    assert fold("".join(char + "\u0301\u0336\u200b" for char in text)) == fold(text)


@given(texts(max_pieces=20))
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.lists(texts(), max_size=8))
def test_a_text_folds_alike_alone_and_in_a_batch(batch_texts):
    batch = fold_batch(batch_texts)
    assert len(batch) == len(batch_texts)
    assert [batch.text(i) for i in range(len(batch))] == [fold(text) for text in batch_texts]


@given(st.lists(texts(), max_size=8))
def test_the_shape_of_a_batch(batch_texts):
    batch = fold_batch(batch_texts)
    assert batch.edges[0] == 0
    assert batch.edges[-1] == len(batch.codes) - 1
    assert (np.diff(batch.edges) != 1).all()  # a text has characters between its edges, or none
    assert (batch.codes[batch.edges] == BLANK).all()
    assert batch.codes.all()
    assert len(batch.sources) == len(batch.codes)
    assert (np.diff(batch.sources) >= 0).all()
    for index, text in enumerate(batch_texts):
        offsets = batch.offsets(index)
        assert len(offsets) == len(batch.text(index))
        assert ((offsets >= 0) & (offsets < len(text))).all()


@given(texts())
def test_each_folded_character_comes_from_its_original(text):
    batch = fold_batch([text])
    for char, offset in zip(batch.text(0), batch.offsets(0), strict=True):
        if char != " ":
            assert char in fold(text[offset])
        else:
            assert text[offset].isspace() or " " in fold(f"x{text[offset]}x")


@given(texts())
def test_no_run_of_blanks_and_no_run_of_three(text):
    folded_text = fold(text)
    assert "  " not in folded_text
    assert folded_text == folded_text.strip(" ")
    for first, second, third in zip(folded_text, folded_text[1:], folded_text[2:], strict=False):
        assert not first == second == third or first in "0123456789"


@pytest.mark.parametrize(("letter", "others"), LOOKALIKES.items())
def test_lookalikes(letter, others):
    assert [fold(other) for other in others] == [letter] * len(others)


@pytest.mark.parametrize("char", INVISIBLES, ids=ascii)
def test_invisibles_go(char):
    assert fold(f"k{char}ill") == "kill"
    assert not fold(char)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\u200b\ufe0f", ""),
        ("  a \n\t b  ", "a b"),
        ("a\u3000b\u00a0c\u2028d\u2800e\x1ff\x85g", "a b c d e f g"),
        ("soooooo", "soo"),
        ("!!!!!!", "!!"),
        ("1000000", "1000000"),
        ("哈哈哈哈", "哈哈"),
        ("Straße", "strasse"),
        ("İI", "ii"),
        ("ﬁne", "fine"),
        ("Ⅻ", "xii"),
        ("①", "1"),
        ("²", "2"),
        ("½", "1/2"),
        ("٣", "3"),
        ("ＫＩＬＬ", "kill"),
        ("𝕂𝕚𝕝𝕝", "kill"),
        ("k\u0336i\u0336l\u0336l\u0336", "kill"),
        ("謠言", "谣言"),
        ("naïve", "naive"),
        ("你好。「对」", '你好."对"'),
        ("a\ud800b\udfff", "ab"),
        ("\ud83d\ude00", ""),
        ("a\ufffdb", "ab"),
        ("工エ", "工エ"),
    ],
    ids=ascii,
)
def test_examples(text, expected):
    assert fold(text) == expected


def test_traditional_and_simplified():
    assert fold(TRADITIONAL) == fold(SIMPLIFIED) == SIMPLIFIED


@pytest.mark.parametrize("emoji", EMOJI)
def test_emoji_stay_without_their_tones_and_joiners(emoji):
    bare = "".join(c for c in emoji if c not in "\u200d\ufe0f" and not "🏻" <= c <= "🏿")
    assert fold(f"so {emoji} it") == f"so {bare} it"
    assert bare


def test_an_expansion_keeps_the_way_back():
    batch = fold_batch(["x", "aﷺb"])
    assert batch.text(1).startswith("a")
    offsets = batch.offsets(1).tolist()
    assert offsets[0] == 0
    assert offsets[-1] == 2
    assert set(offsets[1:-1]) == {1}


def test_an_empty_batch():
    batch = fold_batch([])
    assert len(batch) == 0
    assert batch.codes.tolist() == [BLANK]


def test_texts_that_fold_to_nothing_keep_their_place():
    batch = fold_batch(["", "a", "\u200b", "  ", "b"])
    assert [batch.text(i) for i in range(5)] == ["", "a", "", "", "b"]


def test_the_version_is_that_of_the_table():
    assert folding_version() == PROVENANCE["folding_version"] >= 1
