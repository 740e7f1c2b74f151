from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.counts import Count
from postrisk.errors import PostError
from postrisk.post import (
    MAX_CHARS,
    Account,
    Category,
    Post,
    Reach,
    clean_text,
    detect_language,
    parse_time,
)
from strategies import posts, texts

CHINA = datetime(2014, 6, 12, 8, 31, tzinfo=timezone(timedelta(hours=8)))


def at(*parts):
    return datetime(*parts)


@given(posts())
def test_a_post_survives_json_and_plain_values(fields):
    post = Post(**fields)
    assert Post.model_validate(post.model_dump()) == post
    assert Post.model_validate(post.model_dump(mode="json")) == post
    assert Post(**post.model_dump()) == post
    if not any("\ud800" <= char <= "\udfff" for char in f"{post.id}{post.platform}"):
        assert Post.model_validate_json(post.model_dump_json()) == post
        assert Post.model_validate(json.loads(post.model_dump_json())) == post
    assert hash(Post(**fields)) == hash(post)


@given(texts())
def test_a_text_is_kept_cleaned_or_refused(text):
    if not text.strip():
        with pytest.raises(PostError, match="nothing to score"):
            Post(text=text)
        return
    kept = Post(text=text).text
    kept.encode("utf-8")
    assert Post(text=kept).text == kept
    if not any("\ud800" <= char <= "\udfff" for char in text):
        assert kept == text


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000\u00a0\u2028"])
def test_blank_texts_are_refused(text):
    with pytest.raises(PostError, match=r"^text: empty or only whitespace"):
        Post(text=text)


@pytest.mark.parametrize(
    "text",
    [None, 5, 5.0, float("nan"), b"bytes", ["a"], True, 10**5000],
    ids=lambda value: ascii(type(value)),
)
def test_only_a_string_is_a_text(text):
    with pytest.raises(PostError, match=r"^text: found .*, expected a string") as caught:
        Post(text=text)
    assert caught.value.field == "text"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\ud83d\ude00!", "😀!"),
        ("a\ud800b", "a\ufffdb"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\udfff", "\ufffd"),
        ("a\0b", "a\0b"),
        ("\0", "\0"),
        ("\u200b", "\u200b"),
        ("  padded ", "  padded "),
    ],
    ids=ascii,
)
def test_surrogates_are_mended_and_the_rest_is_kept(text, kept):
    assert Post(text=text).text == clean_text(text) == kept


def test_the_longest_text():
    assert len(Post(text="a" * MAX_CHARS).text) == MAX_CHARS
    with pytest.raises(PostError, match="100,001 characters, expected at most 100,000"):
        Post(text="a" * (MAX_CHARS + 1))
    long = {"text": "a" * 150_000}
    assert len(Post.model_validate(long, context={"max_chars": 150_000}).text) == 150_000
    with pytest.raises(PostError, match="4 characters, expected at most 3"):
        Post.model_validate({"text": "abcd"}, context={"max_chars": 3})
    with pytest.raises(PostError, match="expected at most 3"):
        Post.model_validate_json('{"text": "abcd"}', context={"max_chars": 3})
    with pytest.raises(PostError, match="2 characters, expected at most 1"):
        clean_text("ab", max_chars=1)


@pytest.mark.parametrize(
    ("given_id", "kept"),
    [(0, "0"), (10**25, "1" + "0" * 25), (-5, "-5"), (np.int64(7), "7"), ("0012", "0012")],
)
def test_ids_are_text(given_id, kept):
    assert Post(text="a", id=given_id).id == kept


@pytest.mark.parametrize(
    "given_id", [True, 1.5, None, ["x"], {}, 10**5000], ids=lambda value: ascii(type(value))
)
def test_what_is_no_id_is_refused(given_id):
    with pytest.raises(PostError) as caught:
        Post(text="a", id=given_id)
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("see you", "en"),
        ("打死我也不信 lol", "zh"),
        ("ok 微", "zh"),
        ("one single 字 in a sentence", "en"),
        ("謠言", "zh"),
        ("𠀀", "zh"),
        ("123 !? 😀", "und"),
        ("カタカナと漢字", "und"),
        ("한국어", "und"),
        ("中文为主，带一个の字", "zh"),
        ("Ωμέγα", "und"),
        ("déjà", "en"),
    ],
)
def test_language_detection(text, language):
    assert detect_language(text) == language
    assert Post(text=text).language == language


def test_a_given_language_is_kept():
    assert Post(text="see you", language="zh-TW").language == "zh-TW"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2014-06-12", at(2014, 6, 12)),
        ("2014-06-12 08:31", at(2014, 6, 12, 8, 31)),
        ("2014/6/12 8:31:05", at(2014, 6, 12, 8, 31, 5)),
        ("2014年6月12日 08:31", at(2014, 6, 12, 8, 31)),
        ("2014年6月12日", at(2014, 6, 12)),
        ("2014.06.12", at(2014, 6, 12)),
        ("２０１４-０６-１２", at(2014, 6, 12)),
        ("2014-06-12T08:31:00Z", datetime(2014, 6, 12, 8, 31, tzinfo=UTC)),
        ("2014-06-12T08:31+08:00", CHINA),
        ("20140612", at(2014, 6, 12)),
        ("1402531860", datetime(2014, 6, 12, 0, 11, tzinfo=UTC)),
        (1402531860, datetime(2014, 6, 12, 0, 11, tzinfo=UTC)),
        (1402531860.0, datetime(2014, 6, 12, 0, 11, tzinfo=UTC)),
        (np.int64(1402531860), datetime(2014, 6, 12, 0, 11, tzinfo=UTC)),
        ("Thu Jun 12 08:31:00 +0000 2014", datetime(2014, 6, 12, 8, 31, tzinfo=UTC)),
        (at(2014, 6, 12), at(2014, 6, 12)),
        (None, None), ("", None), ("  ", None), (float("nan"), None), (np.float32("nan"), None),
    ],
)  # fmt: skip
def test_times(value, expected):
    assert parse_time(value) == expected
    assert Post(text="a", posted_at=value).posted_at == expected
    if expected is not None:
        assert parse_time(value).tzinfo == expected.tzinfo


@pytest.mark.parametrize(
    "value",
    [
        "2014-13-45", "2014-06-12 25:00", "yesterday", "6/12/2014", "\ud800", "12345", -5,
        float("inf"), float("-inf"), 1e300, 10**5000, 12, True, False, b"2014-06-12", [], {}, 5j,
    ],
    ids=lambda value: ascii(type(value)),
)  # fmt: skip
def test_what_is_no_time_is_refused(value):
    for read in (parse_time, lambda value: Post(text="a", posted_at=value)):
        with pytest.raises(PostError, match=r"^posted_at: found .*, expected a date such as"):
            read(value)


def test_a_pandas_missing_time_is_missing():
    pandas = pytest.importorskip("pandas")
    assert Post(text="a", posted_at=pandas.NaT).posted_at is None
    stamp = pandas.Timestamp("2014-06-12 08:31")
    assert Post(text="a", posted_at=stamp).posted_at == at(2014, 6, 12, 8, 31)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.binary()))
def test_anything_is_a_time_or_missing_or_refused(value):
    try:
        found = parse_time(value)
    except PostError as error:
        assert error.field == "posted_at"
    else:
        assert found is None or isinstance(found, datetime)


def test_counts_of_all_kinds():
    reach = Reach(reposts="1万+", views="5,000", likes=float("nan"), comments=0)
    assert reach == Reach(
        reposts=Count(value=10000, at_least=True), views=5000, likes=None, comments={"value": 0}
    )
    post = Post(text="a", reach={"views": "１．２万"}, account={"followers": "3亿"})
    assert post.reach.views == Count(value=12000)
    assert post.account.followers == Count(value=300_000_000)
    assert Post(text="a").reach == Reach()
    assert Reach().views is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "text"),
        ({"text": "a", "texts": "b"}, "texts"),
        ({"text": "a", "platform": 5}, "platform"),
        ({"text": "a", "language": None}, "language"),
        ({"text": "a", "account": None}, "account"),
        ({"text": "a", "account": {"kind": "bot"}}, "account.kind"),
        ({"text": "a", "account": {"verified": "perhaps"}}, "account.verified"),
        ({"text": "a", "account": {"followers": "many"}}, "account.followers"),
        ({"text": "a", "reach": 5}, "reach"),
        ({"text": "a", "reach": {"repost": 5}}, "reach.repost"),
        ({"text": "a", "reach": {"reposts": -5}}, "reach.reposts"),
        ({"text": "a", "reach": {"reposts": {"value": -5}}}, "reach.reposts"),
        ({"text": "a", "reach": {"views": "5.000"}}, "reach.views"),
    ],
)
def test_an_error_names_the_field(fields, field):
    for make in (
        lambda fields: Post(**fields),
        Post.model_validate,
        lambda fields: Post.model_validate_json(json.dumps(fields)),
    ):
        with pytest.raises(PostError) as caught:
            make(fields)
        assert caught.value.field == field


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Account(kind="bot"), "account.kind"),
        (lambda: Account(followers="many"), "account.followers"),
        (lambda: Reach(views="x"), "reach.views"),
        (lambda: Reach(clicks=5), "reach.clicks"),
        (lambda: Reach.model_validate({"views": "x"}), "reach.views"),
        (lambda: Post.model_validate([1]), "post"),
        (lambda: Post.model_validate(None), "post"),
        (lambda: Post.model_validate_json("{"), "post"),
        (lambda: Post.model_validate({"text": "a", "reach": {1: 5}}), "reach.1"),
    ],
)
def test_parts_and_wholes_name_the_field_too(make, field):
    with pytest.raises(PostError) as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("part", "name"),
    [(Post(text="a"), "text"), (Reach(), "views"), (Account(), "kind"), (Post(text="a"), "reach")],
)
def test_posts_are_frozen(part, name):
    before = getattr(part, name)
    with pytest.raises(ValueError, match="frozen"):
        setattr(part, name, "other")
    assert getattr(part, name) == before


def test_there_is_no_political_category():
    assert [category.value for category in Category] == [
        "rumor", "violence", "terrorism", "pornography",
    ]  # fmt: skip
