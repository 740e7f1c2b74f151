"""The language of many texts at once is what `detect_language` tells of each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk import languages, post
from postrisk.languages import LANGUAGES, detect_languages
from postrisk.post import detect_language

# Characters at the edges of what counts, and one on either side.
EDGES = [
    chr(code + step)
    for code in (
        *(0x41, 0x5A, 0x61, 0x7A, 0xC0, 0x24F, 0x3040, 0x30FF, 0x3400, 0x4DBF, 0x4E00, 0x9FFF),
        *(
            0xAC00,
            0xD7AF,
            0xF900,
            0xFAFF,
            0x20000,
            0x3FFFD,
            0x4DC0,
            0x4DFF,
            0x7FF,
            0xFFFE,
            0x10FFFE,
        ),
    )
    for step in (-1, 0, 1)
]
signs = st.sampled_from([*EDGES, *"ab中文字かな한국。，！“’1@ é😀\0"]) | st.characters(
    codec="utf-8"
)
texts = st.text(signs, max_size=12) | st.builds(
    lambda unit, times: unit * times, st.text(signs, max_size=4), st.integers(0, 40)
)


def told(values):
    return [LANGUAGES[code] for code in detect_languages(pa.array(values, pa.string()))]


@given(st.lists(texts, max_size=30))
def test_languages_are_told_as_for_each_text(values):
    assert told(values) == [*map(detect_language, values)]


@pytest.mark.parametrize("piece", [1, 8, 50])
@given(values=st.lists(texts, max_size=12))
def test_pieces_do_not_matter(piece, values):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "_PIECE", piece)
        assert told(values) == [*map(detect_language, values)]


def test_every_character_counts_as_it_does_alone():
    codes = np.array([code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF])
    everything = codes.astype("<u4").tobytes().decode("utf-32-le")
    han, others, latin = (
        np.isin(codes, [ord(sign) for sign in kind.findall(everything)])
        for kind in (post._HAN, post._KANA_HANGUL, post._LATIN)
    )
    alone = np.array(told([*everything]))
    assert (alone == np.select([han, latin], ["zh", "en"], "und")).all()
    # Kana and Hangul are told by what they make of one Han character.
    beside = np.array(told([f"中{sign}" for sign in everything]))
    assert (beside == np.where(others, "und", "zh")).all()


def test_every_share_of_scripts_decides_as_for_each_text():
    values = [
        "中" * han + "か" * others + "a" * latin
        for han in range(13)
        for others in range(5)
        for latin in (0, 1, *(3 * han + step for step in (-1, 0, 1) if han))
    ]
    assert told(values) == [*map(detect_language, values)]


def test_a_slice_is_read_from_its_start():
    column = pa.array(["中文", "see you", "123", "かな漢"])
    assert [LANGUAGES[code] for code in detect_languages(column[1:3])] == ["en", "und"]
