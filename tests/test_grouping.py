"""Grouping: an equivalence that no order, copy or batch can change, and sums that know what is
missing."""

from __future__ import annotations

import random
from itertools import combinations
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrisk import grouping
from postrisk.counts import LARGEST, Count
from postrisk.errors import InputError
from postrisk.folding import fold
from postrisk.grouping import (
    group_reach,
    message_text,
    near_duplicate_groups,
    near_duplicate_rate,
)
from postrisk.post import Reach

RUMOR = "Doctors hide it: onions in your socks cure the flu, share before they delete it!"
ZH_RUMOR = "紧急扩散：专家证实洋葱可以治愈流感，赶快转发给家人和朋友，再不看就被删了"

pieces = st.sampled_from(
    [
        "onions cure the flu ", "vaccines hide a secret ", "share before they delete it ", "today ",
        "洋葱可以治愈流感", "紧急扩散赶快转发", "@bob ", "RT @ann: ", "http://t.co/x1 ",
        "//@张三：", "转发微博", "!!", "a", "谣", "",
    ]
)  # fmt: skip
built_texts = st.lists(pieces, max_size=6).map("".join)
texts_lists = st.lists(built_texts | st.text(max_size=12), max_size=12)
counts = st.none() | st.builds(
    Count, value=st.integers(0, 6000) | st.just(LARGEST), at_least=st.booleans()
)
reaches = st.builds(Reach, reposts=counts, views=counts)
grouped_reaches = st.lists(st.tuples(reaches, st.integers(0, 3)), min_size=1, max_size=10)


def seeded(seed):
    return random.Random(seed)  # noqa: S311 - made-up posts, no secrets


def together(groups):
    """Every pair of rows that share a group."""
    return {(i, j) for i, j in combinations(range(len(groups)), 2) if groups[i] == groups[j]}


def shingles(text):
    padded = f" {fold(message_text(text))} "
    orders = (3 if ord(c) >= 0x2E80 else 5 for c in padded)
    return {
        padded[i : i + n] for i, n in enumerate(orders) if i + n <= len(padded) and padded.strip()
    }


def brute_force(texts, threshold):
    """Group by comparing all pairs of strings, then flooding."""
    messages = [message_text(text) for text in texts]
    sets = [shingles(t) if any(c.isalnum() for c in message_text(m)) else set()
            for t, m in zip(texts, messages, strict=True)]  # fmt: skip
    groups = list(range(len(texts)))
    for i, j in combinations(range(len(texts)), 2):
        union = sets[i] | sets[j]
        if messages[i] == messages[j] or (
            union and len(sets[i] & sets[j]) / len(union) >= threshold
        ):
            old, new = groups[j], groups[i]
            groups = [new if group == old else group for group in groups]
    return groups


def edited(text, rng):
    """A near-copy: up to three characters changed or dropped, and sometimes forwarded."""
    characters = list(text)
    for _ in range(rng.randint(0, 3)):
        at = rng.randrange(len(characters))
        characters[at] = rng.choice(["", "x", "一"])
    copy = "".join(characters)
    return rng.choice([copy, f"RT @u{rng.randrange(99)}: {copy}", copy.upper()])


def made_up(rng, number):
    letters = "etaoinshrdlucmfwyp"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 8))) for _ in range(3000)]
    han = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
    english = [" ".join(rng.choices(words, k=rng.randint(8, 20))) for _ in range(number)]
    chinese = ["".join(rng.choices(han, k=rng.randint(20, 80))) for _ in range(number)]
    return english + chinese


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RT @Bob_1: Onions CURE flu", "onions cure flu"),
        ("rt @a: RT @b: onions", "onions"),
        ("转发微博", "转发微博"),
        ("轉發微博 //@张三：洋葱治流感", "洋葱治流感"),
        ("//@张三: //@李四: 洋葱", "洋葱"),
        ("假的吧//@张三：洋葱治流感//@李四：转发微博", "假的吧"),
        ("洋葱 http://t.cn/AbC//@张三：真的", "洋葱"),
        ("onions https://x.com/a?b=1 cure www.x.com flu", "onions cure flu"),
        ("onions pic.twitter.com/Ab1 t.co/xy", "onions"),
        ("@ann onions @bob @张三 cure", "onions cure"),
        ("write to bob@example.com", "write to bob@example.com"),
        ("https://t.co/a1", "https://t.co/a1"),
        ("@bob !!", "@bob !!"),
        ("art @ home: a show", "art @ home: a show"),
        ("", ""),
    ],
)
def test_message_is_what_forwarding_left_alone(text, message):
    assert message_text(text) == message


@pytest.mark.parametrize(
    "copy",
    [
        RUMOR.upper(),
        f"RT @bob: {RUMOR}",
        f"{RUMOR} https://t.co/Zz9 @ann",
        RUMOR.replace("!", "!!!"),
        RUMOR.replace("o", "о"),
        RUMOR.replace("flu", "flue"),
    ],
)
def test_copies_of_an_english_rumor_are_one_message(copy):
    assert near_duplicate_groups([RUMOR, "lovely weather today", copy]).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "copy",
    [
        f"转发微博//@张三：{ZH_RUMOR}",
        f"{ZH_RUMOR}//@张三：转发微博",
        ZH_RUMOR.replace("洋葱", "洋蔥"),
        ZH_RUMOR.replace("朋友", "亲友"),
    ],
)
def test_copies_of_a_chinese_rumor_are_one_message(copy):
    assert near_duplicate_groups([copy, "今天天气很好", ZH_RUMOR]).tolist() == [0, 1, 0]


def test_what_is_not_a_copy_stays_apart():
    link = f"https://example.com/{'/'.join('abcdefghijklmnopqrstuvwxyz')}"
    links = [f"{link}/1", f"{link}/2"]
    others = ["haha", "hahb", "", "!!", "谣言", "谣传", RUMOR, RUMOR.replace("onions", "vaccines")]
    assert near_duplicate_groups(links + others, threshold=0.9).tolist() == list(range(10))


@given(texts_lists, st.randoms(use_true_random=False), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_order_does_not_matter(texts, rng, threshold):
    order = rng.sample(range(len(texts)), len(texts))
    groups = near_duplicate_groups(texts, threshold=threshold)
    shuffled = near_duplicate_groups([texts[i] for i in order], threshold=threshold)
    back = np.empty(len(texts), dtype=np.int64)
    back[order] = shuffled
    assert together(back) == together(groups)


@given(texts_lists)
def test_groups_are_numbered_as_they_appear(texts):
    groups = near_duplicate_groups(texts)
    assert groups.dtype == np.int64
    assert groups.shape == (len(texts),)
    assert list(dict.fromkeys(groups.tolist())) == list(range(len(set(groups.tolist()))))


@given(texts_lists.filter(bool), st.data())
def test_copying_rows_changes_nothing(texts, data):
    rows = st.lists(st.integers(0, len(texts) - 1), max_size=8)
    copied = data.draw(rows)
    groups = near_duplicate_groups([*texts, *(texts[i] for i in copied)])
    assert groups[: len(texts)].tolist() == near_duplicate_groups(texts).tolist()
    assert groups[len(texts) :].tolist() == groups[copied].tolist()


@given(texts_lists, texts_lists)
def test_more_texts_never_split_a_group(texts, more):
    more = more[:4]  # in all no more than a bucket that is covered whole
    alone = near_duplicate_groups(texts)
    assert together(alone) <= together(near_duplicate_groups([*texts, *more])[: len(texts)])


@given(texts_lists)
def test_equal_messages_are_together(texts):
    groups = near_duplicate_groups(texts, threshold=1.0)
    messages = [message_text(text) for text in texts]
    assert together(messages) <= together(groups)


@given(built_texts, st.sampled_from(["upper", "invisible", "wide"]))
def test_what_folding_undoes_makes_no_difference(text, how):
    changed = {
        "upper": text.upper(),
        "invisible": "\u200b".join(text),
        "wide": "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    }[how]
    assert near_duplicate_groups([text, changed]).tolist() == [0, 0]


# Derandomised: with 24-bit hashes a collision may move one similarity in thousands.
@settings(derandomize=True)
@given(texts_lists, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_only_pairs_alike_enough_are_linked(texts, threshold):
    groups = near_duplicate_groups(texts, threshold=threshold)
    assert together(groups) <= together(brute_force(texts, threshold))


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9])
def test_equals_brute_force_on_made_up_posts(threshold):
    rng = seeded(7)
    bases = made_up(rng, 40)
    texts = [*bases, *(edited(rng.choice(bases), rng) for _ in range(160))]
    expected = brute_force(texts, threshold)
    assert together(near_duplicate_groups(texts, threshold=threshold)) == together(expected)


def test_a_giant_bucket_is_joined():
    rng = seeded(3)
    base = " ".join(made_up(rng, 1)[0].split() * 2)
    assert near_duplicate_groups([f"{base} {number}" for number in range(400)]).max() == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 2))
def test_order_does_not_matter_where_buckets_outgrow_the_window(seed, bands):
    rng = seeded(seed)
    halves = made_up(rng, 3)[:3]
    texts = [f"{RUMOR[:30]} {rng.choice(halves)[:30]} {number}" for number in range(30)]
    order = rng.sample(range(30), 30)
    with (
        mock.patch.object(grouping, "_WINDOW", 1),
        mock.patch.object(grouping, "_banding", return_value=(bands, 1)),
    ):
        groups = near_duplicate_groups(texts)
        shuffled = near_duplicate_groups([texts[i] for i in order])
    back = np.empty(30, dtype=np.int64)
    back[order] = shuffled
    assert together(back) == together(groups)


@given(st.lists(st.integers(1, 17), max_size=5))
def test_every_pair_of_a_bucket_is_looked_at_once(sizes):
    keys = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    order = np.arange(len(keys))[::-1]
    found = [
        pair
        for left, right in grouping._bucket_pairs(order, keys)
        for pair in zip(left.tolist(), right.tolist(), strict=True)
    ]
    expected = [(order[i], order[j]) for i, j in sorted(together(keys))]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("chunk", [1, 50, 500])
def test_pairs_are_verified_in_chunks_as_in_one_go(monkeypatch, chunk):
    rng = seeded(5)
    texts = [edited(rng.choice([RUMOR[:40], ZH_RUMOR]), rng) for _ in range(12)]
    whole = near_duplicate_groups(texts)
    monkeypatch.setattr(grouping, "_CHUNK", chunk)
    assert near_duplicate_groups(texts).tolist() == whole.tolist()


@pytest.mark.parametrize("threshold", [0.3, 0.4, 0.5, 0.7, 0.8, 0.95, 1.0])
def test_banding_misses_at_most_one_pair_in_a_thousand(threshold):
    bands, rows = grouping._banding(threshold)
    assert bands * rows <= 128
    assert (1 - threshold**rows) ** bands <= 1e-3


def test_rate_counts_every_text_with_a_copy():
    assert near_duplicate_rate([RUMOR, f"RT @bob: {RUMOR}", "hello", ZH_RUMOR]) == 0.5
    assert near_duplicate_rate(["hello"]) == 0.0
    assert near_duplicate_rate(["hello", "hello"]) == 1.0


@given(texts_lists.filter(bool))
def test_rate_is_one_when_all_are_doubled(texts):
    assert near_duplicate_rate([*texts, *texts]) == 1.0
    assert 0.0 <= near_duplicate_rate(texts) <= 1.0


def test_no_texts_no_groups_and_no_rate():
    assert near_duplicate_groups([]).tolist() == []
    assert near_duplicate_groups(["", " ", "\u200b"]).tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="at least one"):
        near_duplicate_rate([])


@pytest.mark.parametrize("threshold", [0.0, 0.29, 1.01, float("nan"), -1])
def test_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(InputError, match=r"expected 0\.3 to 1"):
        near_duplicate_groups(["a"], threshold=threshold)


def test_what_is_not_text_is_refused():
    with pytest.raises(InputError, match=r"texts\[1\]: found nan"):
        near_duplicate_groups(["a", float("nan")])
    with pytest.raises(InputError, match="found one text 'abc'"):
        near_duplicate_groups("abc")


def test_lone_surrogates_are_text():
    assert near_duplicate_groups(["a \ud800 b", "a \ud800 b", "c"]).tolist() == [0, 0, 1]


def answers(reach, threshold):
    """What is known of ``threshold`` for each counter; missing is unknown, never no."""
    return [
        None if (count := getattr(reach, name)) is None else count.reaches(threshold)
        for name in Reach.model_fields
    ]


def either(several):
    """Three-valued or."""
    if True in several:
        return True
    return None if None in several else False


@given(grouped_reaches, st.sampled_from([0, 1, 500, 5000]))
def test_largest_answers_as_the_members_would(rows, threshold):
    for found in group_reach([reach for reach, _ in rows], [number for _, number in rows]):
        members = [reach for reach, number in rows if number == found.group]
        columns = zip(*(answers(member, threshold) for member in members), strict=True)
        assert found.size == len(members)
        # All missing stays missing; a lower bound of 0 would say the same of 1 and more.
        assert answers(found.largest, threshold) == [either(column) for column in columns]


@given(grouped_reaches)
def test_sums_are_never_below_a_member_and_missing_is_never_zero(rows):
    found = {row.group: row for row in group_reach(*map(list, zip(*rows, strict=True)))}
    assert list(found) == sorted({number for _, number in rows})
    for name in Reach.model_fields:
        for number, row in found.items():
            members = [getattr(reach, name) for reach, group in rows if group == number]
            known = [count for count in members if count is not None]
            total, largest = getattr(row.total, name), getattr(row.largest, name)
            assert (total is None) == (largest is None) == (not known)
            if known:
                uncertain = len(known) < len(members) or any(c.at_least for c in known)
                exact = sum(count.value for count in known)
                assert total.value == min(exact, LARGEST) >= largest.value
                assert total.at_least == (uncertain or exact > LARGEST)
                assert largest == Count(value=max(c.value for c in known), at_least=uncertain)


@given(reaches)
def test_a_post_alone_has_its_own_reach(reach):
    [found] = group_reach([reach], [7])
    assert (found.group, found.size) == (7, 1)
    assert found.total == found.largest == reach


@given(grouped_reaches, st.randoms(use_true_random=False))
def test_reach_does_not_depend_on_order(rows, rng):
    shuffled = rng.sample(rows, len(rows))
    assert group_reach(*zip(*rows, strict=True)) == group_reach(*zip(*shuffled, strict=True))


@given(st.lists(st.integers(0, 6000), min_size=1, max_size=6), st.data())
def test_removing_a_count_never_turns_unknown_into_yes(values, data):
    gone = data.draw(st.integers(0, len(values) - 1))
    full = [Reach(reposts=value) for value in values]
    less = [Reach() if i == gone else reach for i, reach in enumerate(full)]
    [before], [after] = group_reach(full, [0] * len(full)), group_reach(less, [0] * len(full))
    for was, now in zip(answers(before.total, 500), answers(after.total, 500), strict=True):
        assert now in {was, None}


def test_copies_below_the_threshold_reach_it_together():
    texts = [RUMOR, f"RT @bob: {RUMOR}", "hello"]
    posts = [Reach(reposts=300), Reach(reposts=200), Reach(reposts=499)]
    message, other = group_reach(posts, near_duplicate_groups(texts))
    assert message.total.reposts == Count(value=500)
    assert message.largest.reposts == Count(value=300)
    assert message.total.views is None
    assert other.total.reposts == Count(value=499)


@pytest.mark.parametrize("groups", [[0], [[0, 1]], [0.5, 1.0], ["a", "b"]])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(InputError, match="expected 2 whole numbers, one a post"):
        group_reach([Reach(), Reach()], groups)


def test_no_posts_have_no_groups():
    assert group_reach([], []) == []
    assert group_reach([], near_duplicate_groups([])) == []
