"""Posts in columns are assessed as the same posts one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from postrisk import Scorer
from postrisk.cutoffs import BANDS
from postrisk.post import Post
from postrisk.postcolumns import KINDS, CountColumn, PostColumns
from postrisk.rules import OUTCOMES, RECOMMENDATIONS
from postrisk.style import LANGUAGES
from tiny import tiny_model

SCORERS = {kernel: Scorer(tiny_model()) for kernel in ("as installed", "numpy")}
SCORERS["numpy"].model = dataclasses.replace(tiny_model())
vars(SCORERS["numpy"].model)["kernel"] = None


def in_columns(posts):
    def column(counter):
        counts = [getattr(post.reach, counter) for post in posts]
        return CountColumn(
            np.array([count.value if count else 0 for count in counts], dtype=np.int64),
            np.array([bool(count and count.at_least) for count in counts], dtype=bool),
            np.array([count is not None for count in counts], dtype=bool),
        )

    days = [
        np.datetime64(post.posted_at.date() if post.posted_at else "NaT", "D") for post in posts
    ]
    return PostColumns(
        texts=pa.array([post.text for post in posts], pa.string()),
        languages=pa.array([post.language for post in posts], pa.string()),
        kinds=np.array([KINDS.index(post.account.kind) for post in posts], dtype=np.int8),
        days=np.array(days, dtype="datetime64[D]"),
        **{name: column(name) for name in ("reposts", "views", "likes", "comments")},
    )


risky = st.sampled_from(
    ["onion sock cure hidden by doctors", "break your legs tonight", "hot adult videos 打死"]
)
posts = strategies.posts() | st.builds(
    lambda post, text: post | {"text": text}, strategies.posts(), risky
)


@pytest.mark.parametrize("kernel", SCORERS)
@given(fields=st.lists(posts, max_size=6))
def test_columns_are_assessed_as_the_posts_are(kernel, fields):
    scorer, made = SCORERS[kernel], [Post(**one) for one in fields]
    expected, found = Scorer(tiny_model()).score(made), scorer.score_columns(in_columns(made))
    assert len(found) == len(made)
    assert found.categories == scorer.model.categories
    assert found.languages.to_pylist() == [one.language for one in expected]
    assert found.reasons.to_pylist() == [one.reason for one in expected]
    for row, one in enumerate(expected):
        assert found.scores[row].tolist() == list(one.scores.values())
        assert [BANDS[band] for band in found.bands[row]] == list(one.bands.values())
        assert OUTCOMES[found.outcomes[row]] == one.reach.outcome
        assert RECOMMENDATIONS[found.recommendations[row]] == one.recommendation
        assert LANGUAGES[found.scripts[row]] == one.script


def test_the_posts_of_the_test_reach_every_band():
    texts = ["onion sock cure hidden by doctors 3", "soup and bread", "adult soup videos"]
    found = SCORERS["numpy"].score_columns(in_columns([Post(text=text) for text in texts]))
    assert set(found.bands.ravel().tolist()) >= {0, 2}
    assert found.reasons[0].as_py().startswith("rumor: “onion")
