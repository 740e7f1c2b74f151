from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.counts import LARGEST, Count, is_number
from postrisk.errors import PostError

ACCEPTED = {
    "5000": 5000, "5,000": 5000, "5 000": 5000, "5\u00a0000": 5000, "5\u202f000": 5000,
    "5\u2009000": 5000, "1,234,567": 1234567, "1 234 567": 1234567, "0": 0, "007": 7,
    "5.2k": 5200, "5.2K": 5200, "10k": 10000, "1 k": 1000, "1.5m": 1500000, "2B": 2 * 10**9,
    "1万": 10000, "1.2万": 12000, "1萬": 10000, "3亿": 3 * 10**8, "1億": 10**8, "5千": 5000,
    "1.2w": 12000, "1.2W": 12000, "５０００": 5000, "５，０００": 5000, "１．２万": 12000,
    "612.0": 612, "  12\n": 12, "1,234.5k": 1234500, "9223372036854775807": LARGEST,
    "1.000k": 1000, "0.0001亿": 10000,
}  # fmt: skip
LOWER_BOUNDS = {"1.2万+": 12000, "1万+": 10000, "10k+": 10000, "99+": 99, "１．２万＋": 12000}
MISSING = [None, "", "   ", "\u3000", "\u00a0\n", float("nan"), np.float32("nan"), Decimal("NaN")]
REFUSED = [
    "5.000", "5,00", "50,00", "5,0000", "1,2345", "1000,000", "1000 000", "5,000 000", "5..0",
    "about 5k", "5k views", "-5", "+5", "5-", "++", "+", "k", "万", "1万万", "½k", "1e5", "1_000",
    "0x10", "nan", "NaN", "null", "-", "--", "5/6", "٥٠٠", "五千", "1.23456k", "0.00001万", "612.5",
    "9223372036854775808", "1.0000000000000000000000000000001k", "9" * 40, "9" * 1_000_001,
    "\ud800", "5\u200b", "5\x000", "1,000,00k",
    -5, -0.5, 612.5, True, False, np.True_, float("inf"), float("-inf"), 2**63, 2.0**63, 10**400,
    10**5000, -(10**400), Fraction(10**400), Fraction(1, 2), 1j, b"5", [1], (1,), {1}, object(),
    np.array([1]), np.array([1, 2]), {"value": -1}, {"value": "x"}, {}, {1: 2},
    {"value": 5, "x": 1},
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), ACCEPTED.items())
def test_exact_counts(text, value):
    assert Count.parse(text, "reach.views") == Count(value=value)


@pytest.mark.parametrize(("text", "value"), LOWER_BOUNDS.items())
def test_lower_bounds(text, value):
    count = Count.parse(text, "reach.views")
    assert count == Count(value=value, at_least=True)
    assert str(count) == f"{value}+"


@pytest.mark.parametrize(
    "number",
    [
        612, 612.0, np.int64(612), np.uint16(612), np.float32(612), np.float16(612), Decimal(612),
        Fraction(612), Count(value=612), {"value": 612},
    ],
)  # fmt: skip
def test_numbers(number):
    assert Count.parse(number, "reach.views") == Count(value=612)
    assert isinstance(Count.parse(number, "reach.views").value, int)


@pytest.mark.parametrize("value", MISSING)
def test_missing_is_never_zero(value):
    assert Count.parse(value, "reach.views") is None


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: ascii(type(value)))
def test_what_is_not_a_count_is_refused_with_its_field(value):
    with pytest.raises(PostError) as caught:
        Count.parse(value, "reach.views")
    assert caught.value.field == "reach.views"
    assert caught.value.reason.startswith("found ")
    assert len(str(caught.value)) < 250


@given(st.integers(0, LARGEST), st.booleans())
def test_a_printed_count_reads_back(value, at_least):
    count = Count(value=value, at_least=at_least)
    assert Count.parse(str(count), "f") == count
    assert Count.parse(count.model_dump(), "f") == count
    assert Count.model_validate_json(count.model_dump_json()) == count


@given(st.integers(0, LARGEST), st.sampled_from([",", " ", "\u00a0", "\u202f", "\uff0c"]))
def test_groups_of_three_with_any_separator(value, separator):
    text = f"{value:,}".replace(",", separator)
    assert Count.parse(text, "f") == Count(value=value)
    full_width = text.translate({code: code + 0xFEE0 for code in range(ord("0"), ord("9") + 1)})
    assert Count.parse(full_width, "f") == Count(value=value)


@given(
    st.integers(0, 10**6),
    st.text(st.sampled_from("0123456789"), min_size=1, max_size=40),
    st.sampled_from([("k", 3), ("千", 3), ("万", 4), ("w", 4), ("m", 6), ("亿", 8), ("b", 9)]),
)
def test_a_unit_either_makes_a_decimal_whole_or_it_is_refused(whole, decimals, unit):
    name, zeros = unit
    exact = Fraction(int(f"{whole}{decimals}"), 10 ** len(decimals)) * 10**zeros
    text = f"{whole}.{decimals}{name}"
    if exact.denominator == 1:
        assert Count.parse(text, "f") == Count(value=int(exact))
    else:
        with pytest.raises(PostError):
            Count.parse(text, "f")


@given(
    st.one_of(
        st.text(max_size=12),
        st.text(st.sampled_from("0123456789,. 万亿kKw+-\u00a0０"), max_size=12),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.decimals(allow_nan=False) | st.fractions(),
        st.dictionaries(st.text(max_size=8), st.integers(), max_size=2),
    )
)
def test_anything_is_a_count_or_missing_or_refused(value):
    try:
        count = Count.parse(value, "reach.likes")
    except PostError as error:
        assert error.field == "reach.likes"
    else:
        assert count is None or 0 <= count.value <= LARGEST


@given(st.integers(0, 10**6), st.booleans(), st.integers(0, 10**6))
def test_reaching_a_threshold(value, at_least, threshold):
    answer = Count(value=value, at_least=at_least).reaches(threshold)
    assert answer is (True if value >= threshold else None if at_least else False)


@pytest.mark.parametrize(("value", "answer"), [(499, False), (500, True), (501, True)])
def test_five_hundred(value, answer):
    assert Count(value=value).reaches(500) is answer


def test_counts_are_frozen_values():
    count = Count(value=5)
    with pytest.raises(ValueError, match="frozen"):
        count.value = 6
    assert hash(count) == hash(Count(value=5))
    assert Count(value=5) != Count(value=5, at_least=True)


def test_a_truth_value_is_no_number():
    assert is_number(1)
    assert is_number(1.5)
    assert not is_number(True)
    assert not is_number("1")
