"""Bands under ceilings that a user sets, without scoring again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.bands import climb, clopper_pearson, cutoff_under
from postrisk.cutoffs import BANDS, LADDER, Cutoffs, Step, check_steps, restep
from postrisk.errors import InputError
from strategies import make_ladder, make_model

SAFE = st.lists(st.floats(0, 0.999), min_size=1, max_size=400).map(np.array)
CEILINGS = st.sampled_from(LADDER) | st.floats(0.001, 0.9)
MODEL = dataclasses.replace(
    make_model(n_categories=2), ladder={"c0": make_ladder(0), "c1": make_ladder(1)}
)


@given(st.lists(SAFE, max_size=3), SAFE)
def test_each_step_keeps_its_ceiling_on_each_group_that_can_tell(groups, risky):
    steps = climb(LADDER, groups, risky)
    check_steps(steps)
    assert [step.ceiling for step in steps] == list(LADDER)
    for step in steps:
        cuts = [cutoff_under(step.ceiling, group) for group in groups]
        assert step.proven == (bool(groups) and None not in cuts)
        assert (step.cutoff is None) == all(cut is None for cut in cuts)
        if step.cutoff is None:
            assert step.recall == 0
            continue
        assert step.recall == np.mean(risky >= step.cutoff)
        for group, cut in zip(groups, cuts, strict=True):
            if cut is not None:
                hits = int((group >= step.cutoff).sum())
                assert clopper_pearson(hits, len(group))[1] <= step.ceiling
    assert all(step.recall is None for step in climb(LADDER, groups))
    assert all(step.recall is None for step in climb(LADDER, groups, np.zeros(0)))


@given(CEILINGS, st.none() | CEILINGS)
def test_a_ceiling_between_two_steps_takes_the_stricter_one(review, flag):
    model = MODEL.with_ceilings(review=review, flag=flag)
    for name, ladder in MODEL.ladder.items():
        assert set(model.cutoffs[name].languages) == {"zh"}
        for language, steps in ladder.items():
            cut = model.cutoffs[name].of(language)
            at_review = max((s for s in steps if s.ceiling <= review), key=lambda s: s.ceiling)
            assert cut.review == (0.5 if at_review.cutoff is None else at_review.cutoff)
            if flag is None:
                assert cut.flag == max(0.75, cut.review)
                continue
            at_flag = max((s for s in steps if s.ceiling <= flag), key=lambda s: s.ceiling)
            expected = max(at_flag.cutoff, cut.review) if at_flag.proven else None
            assert cut.flag == expected
    np.testing.assert_array_equal(model.logits(["soup"]), MODEL.logits(["soup"]))


@given(CEILINGS, CEILINGS, st.floats(0, 1))
def test_a_looser_ceiling_never_gives_a_weaker_band(first, second, probability):
    low, high = sorted((first, second))
    proven = make_ladder(thin=1)
    for steps in proven.values():
        strict = restep(Cutoffs(review=0.5), steps[1:], max(low, 0.002), max(low, 0.002))
        loose = restep(Cutoffs(review=0.5), steps[1:], max(high, 0.002), max(high, 0.002))
        assert BANDS.index(loose.band(probability)) >= BANDS.index(strict.band(probability))


def test_no_flag_where_the_evidence_is_too_thin():
    cut = MODEL.with_ceilings(flag=0.002).cutoffs["c0"]
    assert cut.flag is None
    assert cut.review == MODEL.cutoffs["c0"].review
    assert cut.why_never_flagged == "too few held-out safe posts"
    below = MODEL.with_ceilings(flag=0.0001).cutoffs["c0"]
    assert below.why_never_flagged == "no cut-off is known for 0.01% false positives"
    again = MODEL.with_ceilings(flag=0.0001).with_ceilings(flag=0.05).cutoffs["c0"]
    assert again == MODEL.with_ceilings(flag=0.05).cutoffs["c0"]
    assert again.why_never_flagged == ""


def test_review_only_survives_any_ceiling():
    reason = "AUC below .70 on unseen sources"
    chinese = MODEL.with_review_only("c0", reason, "zh").with_ceilings(review=0.1, flag=0.2)
    assert chinese.cutoffs["c0"].flag is not None
    assert chinese.cutoffs["c0"].of("zh").flag is None
    assert chinese.cutoffs["c0"].of("zh").why_never_flagged == reason
    assert chinese.cutoffs["c1"].of("zh").flag is not None
    every = MODEL.with_ceilings(flag=0.1).with_review_only("c1", reason).with_ceilings(flag=0.2)
    for language in ("en", "zh", "und"):
        cut = every.cutoffs["c1"].of(language)
        assert (cut.flag, cut.review_only, cut.reason) == (None, True, reason)


@pytest.mark.parametrize("ceiling", [0, 1, -0.1, 5, float("nan"), float("inf")])
@pytest.mark.parametrize("band", ["review", "flag"])
def test_ceilings_are_rates(band, ceiling):
    with pytest.raises(InputError, match=f"{band} ceiling: found"):
        MODEL.with_ceilings(**{band: ceiling})


def test_ceilings_that_the_model_cannot_keep():
    with pytest.raises(
        InputError, match=r"review ceiling: found 0\.0005, expected at least 0\.001"
    ):
        MODEL.with_ceilings(review=0.0005)
    with pytest.raises(InputError, match="no ladder"):
        make_model().with_ceilings(flag=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"flag": 0.9, "review_only": True, "reason": "x"},
        {"flag": 0.9, "reason": "x"},
        {"review_only": True},
    ],
)
def test_a_reason_goes_with_no_flag(wrong):
    with pytest.raises(InputError):
        Cutoffs(review=0.5, **wrong)


def test_a_proof_needs_a_cutoff():
    with pytest.raises(InputError, match="proven needs a cutoff"):
        Step(ceiling=0.1, cutoff=None, proven=True, recall=None)
