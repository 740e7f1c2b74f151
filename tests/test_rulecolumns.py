"""Rules on columns say row by row what they say of one post."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.counts import LARGEST, Count
from postrisk.cutoffs import BANDS
from postrisk.post import Account, Category, Post, Reach
from postrisk.postcolumns import KINDS, CountColumn, PostColumns
from postrisk.rulecolumns import evaluate_columns, recommend_columns
from postrisk.rules import OUTCOMES, RECOMMENDATIONS, Outcome, Rulebook, evaluate, recommend

COUNTERS = ("reposts", "views", "likes", "comments")
NUMBERS = [1, 499, 500, 501, 5000, LARGEST, LARGEST + 1, 2**64]
dates = st.dates(date(2014, 1, 1), date(2014, 1, 9))
some_dates = st.none() | dates
counts = st.none() | st.builds(
    Count,
    value=st.sampled_from([0, 498, 499, 500, 501, 5000, LARGEST]),
    at_least=st.booleans(),
)
posts = st.builds(
    lambda kind, day, reach: Post.model_construct(
        text="a claim",
        language="en",
        account=Account.model_construct(kind=kind),
        reach=Reach.model_construct(**reach),
        posted_at=day and datetime(day.year, day.month, day.day, 23, 59),
    ),
    st.sampled_from(KINDS),
    some_dates,
    st.fixed_dictionaries(dict.fromkeys(COUNTERS, counts)),
)


def some(values):
    return st.lists(st.sampled_from([*values]), min_size=1, unique=True)


@st.composite
def rulebooks(draw):
    scope = {"categories": draw(some(Category))}
    if draw(st.booleans()):
        scope["bands"] = draw(some(BANDS))
    if draw(st.booleans()):
        scope["account_kinds"] = draw(some(KINDS))
    for key in ("posted_from", "posted_until"):
        if day := draw(some_dates):
            scope[key] = day
    first, last = sorted([draw(dates), draw(dates)])
    thresholds = st.fixed_dictionaries(
        {"counter": st.sampled_from(COUNTERS), "at_least": st.sampled_from(NUMBERS)}
    )
    return Rulebook.model_validate(
        {
            "id": "drawn",
            "title": "A drawn rule",
            "source": {"issuer": "nobody", "citation": "none"},
            "effective": draw(st.sampled_from([{}, {"from": first}, {"until": last}]))
            | draw(st.sampled_from([{}, {"from": first, "until": last}])),
            "scope": scope,
            "threshold": draw(st.lists(thresholds, min_size=1, max_size=4)),
            "outcome": {
                "join": draw(st.sampled_from(["any", "all"])),
                "recommendation": draw(st.sampled_from(["review", "review_first"])),
            },
            "limits": {"not_assessed": ["all"]},
        }
    )


def count_column(values):
    return CountColumn(
        values=np.array([value.value if value else 0 for value in values], dtype=np.int64),
        at_least=np.array([bool(value and value.at_least) for value in values], dtype=bool),
        known=np.array([value is not None for value in values], dtype=bool),
    )


def as_columns(rows):
    days = [post.posted_at and post.posted_at.date() for post in rows]
    return PostColumns(
        texts=pa.array([post.text for post in rows], pa.string()),
        languages=pa.array([post.language for post in rows], pa.string()),
        kinds=np.array([KINDS.index(post.account.kind) for post in rows], dtype=np.int8),
        days=np.array(days, dtype="datetime64[D]"),
        **{name: count_column([getattr(p.reach, name) for p in rows]) for name in COUNTERS},
    )


@st.composite
def banded(draw):
    categories = tuple(draw(st.lists(st.sampled_from([*Category]), unique=True)))
    rows = draw(st.lists(posts, max_size=8))
    codes = st.lists(
        st.integers(0, len(BANDS) - 1), min_size=len(categories), max_size=len(categories)
    )
    bands = [draw(codes) for _ in rows]
    return rows, categories, np.array(bands, dtype=np.int8).reshape(len(rows), len(categories))


@given(rulebooks() | st.just(Rulebook.load()), banded())
def test_rules_say_of_columns_what_they_say_of_each_post(rule, drawn):
    rows, categories, codes = drawn
    outcomes = evaluate_columns(rule, as_columns(rows), codes, categories)
    recommended = recommend_columns(rule, codes, outcomes)
    assert outcomes.dtype == recommended.dtype == np.int8
    bands = [dict(zip(categories, (BANDS[c] for c in row), strict=True)) for row in codes]
    findings = [evaluate(rule, post, seen) for post, seen in zip(rows, bands, strict=True)]
    assert [OUTCOMES[code] for code in outcomes] == [found.outcome for found in findings]
    assert [RECOMMENDATIONS[code] for code in recommended] == [
        recommend(rule, seen, found) for seen, found in zip(bands, findings, strict=True)
    ]


@pytest.mark.parametrize(
    ("reach", "outcome"),
    [
        ({"reposts": "499", "views": "4999"}, Outcome.NOT_MET),
        ({"reposts": "500"}, Outcome.MET),
        ({"views": "5,000"}, Outcome.MET),
        ({"reposts": "400+", "views": "10"}, Outcome.UNKNOWN),
        ({}, Outcome.UNKNOWN),
    ],
)
def test_the_shipped_rule(reach, outcome):
    columns = as_columns([Post(text="a claim", reach=reach)] * 2)
    bands = np.array([[1], [0]], dtype=np.int8)
    found = evaluate_columns(Rulebook.load(), columns, bands, ("rumor",))
    assert [OUTCOMES[code] for code in found] == [outcome, Outcome.NOT_MET]


def test_bands_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected \(1, 2\)"):
        evaluate_columns(
            Rulebook.load(),
            as_columns([Post(text="x")]),
            np.zeros((1, 1), dtype=np.int8),
            ("rumor", "violence"),
        )
