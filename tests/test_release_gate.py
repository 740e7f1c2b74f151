"""The release gate: a shipped model raises civic posts no more often than other safe posts.

Political drift is the danger of rumor data, so the gap between the false-positive rates on posts
about public affairs and on other posts is held in both languages, on the authored posts
everywhere and on the public sets where they are.
"""

from __future__ import annotations

from functools import cache

import pytest

from postrisk.corpora import data_folder
from postrisk.overblocking import measure_gate
from postrisk.samples import authored_sample, band, split_sample
from postrisk.store import load
from postrisk.suites import public_split

POINT = 0.01
MODELS = ("base", "research")
needs_data = pytest.mark.skipif(
    data_folder() is None, reason="no public data sets; name their folder in POSTRISK_DATA"
)


@cache
def gate(name, public):
    sample = split_sample(public_split(name)) if public else authored_sample()
    banded = band(load(name), sample.texts, sample.categories)
    return {(line.language, line.source): line for line in measure_gate(sample, banded)}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("public", [False, pytest.param(True, marks=needs_data)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_civic_posts_are_flagged_no_more_often_than_others(name, public, language):
    lines = gate(name, public)
    line = next(line for (spoken, _), line in lines.items() if spoken == language)
    gap = line.flag.difference
    assert gap.value <= POINT, f"{gap.value:.4f} ({gap.low:.4f} to {gap.high:.4f})"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("public", [False, pytest.param(True, marks=needs_data)])
def test_no_source_shows_a_gap_above_one_point(name, public):
    """The interval must not lie above one point, at either band, within any source."""
    for (language, source), line in gate(name, public).items():
        for which, gap in (("review", line.review.difference), ("flag", line.flag.difference)):
            assert gap.low <= POINT, f"{language} {source} {which}: {gap}"
