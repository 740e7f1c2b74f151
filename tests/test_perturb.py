"""Rewriting is the same on every run; what folding undoes stays undone, the rest differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.errors import InputError
from postrisk.folding import fold
from postrisk.perturb import PERTURBATIONS
from strategies import make_model, texts

ALL = list(PERTURBATIONS.values())
INVARIANT = [p for p in ALL if p.invariant]
CHANGING = [p for p in ALL if not p.invariant]
ENGLISH = "Somebody should kill that bitter old referee tonight, bring the money"
CHINESE = "今晚带钱去杀他，說好的视频都在这里呢呢"
APPLIES = {
    "traditional": CHINESE, "simplified": CHINESE, "homophones": CHINESE, "split": CHINESE,
    "initials": CHINESE,
}  # fmt: skip
shares = st.floats(0.01, 1)


def ids(perturbation):
    return perturbation.name


@pytest.mark.parametrize("perturbation", ALL, ids=ids)
@given(text=texts(), share=shares)
def test_rewriting_is_deterministic(perturbation, text, share):
    assert perturbation(text, share) == perturbation(text, share)


@pytest.mark.parametrize("perturbation", INVARIANT, ids=ids)
@given(text=texts(), share=shares)
def test_folding_undoes_the_invariant_ones(perturbation, text, share):
    assert fold(perturbation(text, share)) == fold(text)


@pytest.mark.parametrize("perturbation", INVARIANT, ids=ids)
def test_so_no_score_changes_to_the_bit(perturbation):
    model = make_model()
    posts = [ENGLISH, CHINESE]
    changed = [perturbation(post, 1.0) for post in posts]
    assert (model.predict_proba(posts) == model.predict_proba(changed)).all()


@pytest.mark.parametrize("perturbation", ALL, ids=ids)
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_each_changes_a_text_that_it_applies_to(perturbation, share):
    text = APPLIES.get(perturbation.name, ENGLISH)
    changed = perturbation(text, share)
    assert changed != text
    assert (fold(changed) == fold(text)) == perturbation.invariant


@pytest.mark.parametrize("perturbation", CHANGING, ids=ids)
@given(text=st.text(st.sampled_from(ENGLISH + CHINESE), min_size=1))
def test_what_is_changed_and_not_invariant_reaches_the_model(perturbation, text):
    changed = perturbation(text)
    assert changed == text or fold(changed) != fold(text)


@pytest.mark.parametrize("perturbation", ALL, ids=ids)
def test_what_does_not_apply_comes_back_as_it_is(perturbation):
    assert perturbation("") == ""
    if perturbation.name not in {"invisible", "bidi", "marks", "full width"}:
        assert perturbation("123 456") == "123 456"


def test_a_larger_share_changes_more():
    leet = PERTURBATIONS["leet"]
    changes = [
        sum(a != b for a, b in zip(leet(ENGLISH, share), ENGLISH, strict=True))
        for share in (0.01, 0.3, 1.0)
    ]
    assert changes[0] == 1
    assert changes == sorted(set(changes))


def test_known_disguises():
    assert PERTURBATIONS["split"]("好", 1.0) == "女子"
    assert PERTURBATIONS["initials"]("杀", 1.0) == "s"
    assert PERTURBATIONS["emoji"]("Kill, skill", 1.0) == "🔪, skill"
    assert PERTURBATIONS["homophones"]("薇", 1.0) in "为位未微味胃危威"
    assert PERTURBATIONS["typos"]("kill", 1.0) == "klil"
    assert PERTURBATIONS["simplified"]("謠言", 1.0) == "谣言"


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_outside_is_an_input_error(share):
    with pytest.raises(InputError, match="share: found"):
        PERTURBATIONS["leet"]("text", share)
