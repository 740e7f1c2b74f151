"""Posts in, assessments out: one path, and reach that never touches a score."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.cutoffs import Band, Cutoffs
from postrisk.errors import PostError
from postrisk.post import Post
from postrisk.rules import Outcome, Recommendation
from postrisk.scorer import Scorer, reband
from strategies import make_ladder
from tiny import WORDS, tiny_model

SCORER = Scorer(tiny_model())
texts = st.text(min_size=1, max_size=60).filter(lambda t: not t.isspace()) | st.sampled_from(
    list(WORDS.values())
)


@given(st.lists(texts, min_size=1, max_size=12), st.randoms())
def test_a_post_gets_the_same_assessment_alone_and_in_any_batch(found, random):
    together = SCORER.score(found)
    alone = [SCORER.score_one(text) for text in found]
    assert together == alone
    order = list(range(len(found)))
    random.shuffle(order)
    assert SCORER.score([found[i] for i in order]) == [alone[i] for i in order]


@given(texts, st.integers(0, 10**6), st.sampled_from(["public", "private", "unknown"]))
def test_scores_and_bands_do_not_depend_on_reach_or_author(text, count, kind):
    plain = SCORER.score_one(text)
    spread = SCORER.score_one(
        Post(
            text=text,
            reach={"reposts": count, "views": count, "likes": count},
            account={"kind": kind, "followers": count, "verified": True},
        )
    )
    assert spread.scores == plain.scores
    assert spread.bands == plain.bands
    assert spread.reason == plain.reason


@pytest.mark.parametrize("category", WORDS)
def test_the_reason_quotes_the_original_text(category):
    text = f"hello, {WORDS[category].upper()} ok"
    found = SCORER.score_one(text)
    assert found.bands[category] is not Band.PASS
    assert found.reason.startswith(f"{category}: “")
    assert found.reason.split("“")[1].rstrip("”") in text


def test_a_calm_post_has_no_reason():
    found = SCORER.score_one("soup and bread")
    assert found.recommendation is Recommendation.NONE
    assert found.reason == ""


def test_reach_only_orders():
    text = WORDS["rumor"]
    few = SCORER.score_one(Post(text=text, reach={"reposts": 1, "views": 1}))
    many = SCORER.score_one(Post(text=text, reach={"reposts": 500, "views": 1}))
    assert (few.recommendation, many.recommendation) == (
        Recommendation.REVIEW,
        Recommendation.REVIEW_FIRST,
    )
    assert few.scores == many.scores


def test_assessments_can_be_rebanded_without_scoring():
    post = Post(text=WORDS["rumor"], reach={"views": 9000})
    found = SCORER.score_one(post)
    never = dict.fromkeys(WORDS, Cutoffs(review=1.0))
    calmer = reband(found, never, SCORER.rulebook, post)
    assert calmer.scores == found.scores
    assert calmer.recommendation is Recommendation.NONE
    assert calmer.reason == ""
    assert calmer.reach.outcome is Outcome.NOT_MET


def test_assessments_are_plain_json():
    values = SCORER.score_one(WORDS["violence"]).to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["reach"]["not_assessed"]


def test_errors_say_which_post(snapshot):
    with pytest.raises(PostError) as error:
        SCORER.score(["fine", " "])
    assert str(error.value) == snapshot
    with pytest.raises(PostError):
        Scorer(tiny_model(), max_chars=10).score(["x" * 11])


def test_no_posts_give_no_assessments():
    assert SCORER.score([]) == []


def test_ceilings_move_bands_and_no_score():
    model = dataclasses.replace(tiny_model(), ladder=dict.fromkeys(WORDS, make_ladder(thin=1)))
    scorer = Scorer(model, flag_ceiling=0.2, review_ceiling=0.2)
    text = WORDS["rumor"]
    found, plain = scorer.score_one(text), SCORER.score_one(text)
    assert found.scores == plain.scores
    assert found.bands["rumor"] is Band.FLAG
    never = Scorer(model, flag_ceiling=0.001).score_one(text)
    assert never.bands["rumor"] is Band.REVIEW
    assert never.model_version == f"{plain.model_version}, flag ceiling 0.1 %"
    again = reband(found, scorer.model.cutoffs, scorer.rulebook, Post(text="another text"))
    assert again == found


@pytest.mark.parametrize(("text", "script"), [("soup", "en"), ("今天喝汤", "zh"), ("42", "und")])
def test_an_assessment_tells_the_script_that_its_bands_go_by(text, script):
    cutoffs = {
        name: Cutoffs(review=1.0, languages={script: Cutoffs(review=0.0, flag=0.0)})
        for name in WORDS
    }
    found = SCORER.score_one(text)
    assert found.script == found.to_dict()["script"] == script
    assert Scorer(tiny_model().with_cutoffs(cutoffs)).score_one(text).bands["rumor"] is Band.FLAG
    assert reband(found, cutoffs, SCORER.rulebook, Post(text=text)).bands["rumor"] is Band.FLAG
