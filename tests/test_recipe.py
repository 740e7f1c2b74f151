"""Rewritten copies stay with their posts, and what cannot be known is never flagged."""

from __future__ import annotations

import numpy as np
import pytest

from postrisk.corpora import CATEGORIES
from postrisk.figures import hold_back
from postrisk.folding import fold
from postrisk.recipe import AUTHORED, all_rows, split_rows, with_disguises
from tiny import tiny_model


@pytest.fixture(scope="module")
def split():
    return split_rows(all_rows(None))


def test_copies_have_the_group_and_labels_of_their_post(split):
    rows = split.train.take(np.arange(len(split.train)) < 400)
    both = with_disguises(rows)
    n = len(rows)
    assert both.texts[:n] == rows.texts
    originals = {(group, tuple(y)) for group, y in zip(rows.groups, rows.labels, strict=True)}
    copies = {(group, tuple(y)) for group, y in zip(both.groups[n:], both.labels[n:], strict=True)}
    assert copies <= originals
    assert not set(map(fold, both.texts[n:])) & set(map(fold, rows.texts))
    np.testing.assert_array_equal(np.unique(both.weights[n:]), np.unique(rows.weights) / 2)
    again = with_disguises(rows)
    assert again.texts == both.texts


def test_safe_authored_posts_are_rewritten_and_safe_public_ones_are_not(split):
    safe = split.train.take((split.train.labels == 0).all(axis=1)).pick(np.arange(50))
    assert len(with_disguises(safe)) > 90
    safe.sources[:] = ["elsewhere"] * len(safe)
    assert len(with_disguises(safe)) == len(safe)


def test_without_real_posts_nothing_is_flagged_and_the_reason_is_told(split):
    model = hold_back(tiny_model(), split)
    assert set(split.train.sources) == {AUTHORED}
    for name in CATEGORIES:
        for language in ("en", "zh"):
            cut = model.cutoffs[name].of(language)
            assert cut.flag is None
            assert "only 0 real posts" in cut.why_never_flagged
