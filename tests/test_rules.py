"""The reach rule: exact boundaries, three values, and findings that explain themselves."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.counts import Count
from postrisk.cutoffs import Band
from postrisk.errors import RulebookError
from postrisk.post import Post, Reach
from postrisk.rules import (
    Outcome,
    Recommendation,
    Rulebook,
    evaluate,
    join,
    recommend,
    shipped_rulebooks,
)

RULE = Rulebook.load()
PASS = dict.fromkeys(("rumor", "violence", "terrorism", "pornography"), Band.PASS)
RAISED = {**PASS, "rumor": Band.REVIEW}
counts = st.none() | st.builds(
    Count,
    value=st.integers(0, 20_000) | st.sampled_from([0, 499, 500, 4999, 5000]),
    at_least=st.booleans(),
)
reaches = st.builds(
    Reach.model_construct, reposts=counts, views=counts, likes=counts, comments=counts
)
outcomes = st.sampled_from(list(Outcome))


def outcome_of(reach, bands=RAISED, **post):
    return evaluate(RULE, Post(text="a claim", reach=reach, **post), bands).outcome


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        ({"reposts": 499, "views": 4999}, Outcome.NOT_MET),
        ({"reposts": 500, "views": 4999}, Outcome.MET),
        ({"reposts": 499, "views": 5000}, Outcome.MET),
        ({"reposts": 500}, Outcome.MET),
        ({"views": 5000}, Outcome.MET),
        ({"reposts": 499}, Outcome.UNKNOWN),
        ({"views": 4999}, Outcome.UNKNOWN),
        ({}, Outcome.UNKNOWN),
        ({"views": "1万+"}, Outcome.MET),
        ({"reposts": "400+", "views": 10}, Outcome.UNKNOWN),
        ({"reposts": "500+"}, Outcome.MET),
        ({"reposts": 0, "views": 0}, Outcome.NOT_MET),
        ({"likes": 10**6, "comments": 10**6}, Outcome.UNKNOWN),
    ],
)
def test_boundaries_include_the_number_and_missing_is_never_zero(reach, expected):
    assert outcome_of(reach) is expected


@given(reaches, st.sampled_from(["reposts", "views"]), st.integers(0, 10_000))
def test_more_of_a_counter_never_takes_met_away(reach, counter, more):
    count = getattr(reach, counter)
    if count is None or outcome_of(reach) is not Outcome.MET:
        return
    larger = Count(value=count.value + more, at_least=count.at_least)
    assert outcome_of(reach.model_copy(update={counter: larger})) is Outcome.MET


@given(reaches, st.sampled_from(["reposts", "views", "likes", "comments"]))
def test_removing_a_counter_never_turns_anything_into_met(reach, counter):
    before = outcome_of(reach)
    after = outcome_of(reach.model_copy(update={counter: None}))
    assert before is Outcome.MET or after is not Outcome.MET


@given(reaches, counts, counts)
def test_counters_are_never_converted(reach, likes, comments):
    other = reach.model_copy(update={"likes": likes, "comments": comments})
    assert outcome_of(reach) is outcome_of(other)


@given(st.lists(outcomes, min_size=1))
def test_joins_follow_kleene(values):
    order = {Outcome.NOT_MET: 0, Outcome.UNKNOWN: 1, Outcome.MET: 2}
    assert join(values, "any") is max(values, key=order.__getitem__)
    assert join(values, "all") is min(values, key=order.__getitem__)


@given(reaches)
def test_a_post_outside_the_rule_never_meets_it(reach):
    finding = evaluate(RULE, Post(text="a claim", reach=reach), {**PASS, "violence": Band.FLAG})
    assert (finding.outcome, finding.in_scope) == (Outcome.NOT_MET, False)


@given(reaches, st.sampled_from(list(Band)))
def test_recommendations_stay_within_their_three_words(reach, band):
    bands = {**PASS, "rumor": band}
    finding = evaluate(RULE, Post(text="a claim", reach=reach), bands)
    advice = recommend(RULE, bands, finding)
    if band is Band.PASS:
        assert advice is Recommendation.NONE
    elif finding.outcome is Outcome.MET:
        assert advice is Recommendation.REVIEW_FIRST
    else:
        assert advice is Recommendation.REVIEW


@given(reaches, st.sampled_from([RAISED, PASS]))
def test_what_is_not_assessed_is_always_listed_and_nothing_is_called_illegal(reach, bands):
    finding = evaluate(RULE, Post(text="a claim", reach=reach), bands)
    assert len(finding.not_assessed) == 5
    words = f"{finding} {RULE.title} {' '.join(RULE.limits.notes)}".lower()
    assert "illegal" not in words
    assert "guilty" not in words


def test_findings_give_the_actual_numbers():
    post = Post(text="a claim", reach={"reposts": 612})
    assert evaluate(RULE, post, RAISED).reason == "612 reposts ≥ 500; views missing"
    post = Post(text="a claim", reach={"reposts": "400+", "views": "4,999"})
    reason = evaluate(RULE, post, RAISED).reason
    assert reason == "400+ reposts may reach 500; 4999 views < 5000"


def test_the_rule_speaks_of_no_post_from_before_it_was_in_force():
    before, after = datetime(2013, 9, 9, 23, 59), datetime(2013, 9, 10)
    assert outcome_of({"views": 9000}, posted_at=before) is Outcome.NOT_MET
    assert outcome_of({"views": 9000}, posted_at=after) is Outcome.MET
    assert outcome_of({"views": 9000}) is Outcome.MET


def with_scope(**scope):
    values = RULE.model_dump(by_alias=True)
    values["scope"] |= scope
    return Rulebook.model_validate(values)


def test_a_scope_of_public_accounts_is_unknown_where_the_kind_is():
    rule = with_scope(account_kinds=("public",))

    def found(kind):
        post = Post(text="a claim", reach={"views": 9000}, account={"kind": kind})
        return evaluate(rule, post, RAISED).outcome

    assert [found(kind) for kind in ("public", "private", "unknown")] == [
        Outcome.MET,
        Outcome.NOT_MET,
        Outcome.UNKNOWN,
    ]


def test_a_scope_between_two_dates_needs_the_date():
    rule = with_scope(posted_from="2014-05-27", posted_until="2014-06-27")

    def found(day):
        post = Post(text="a claim", reach={"views": 9000}, posted_at=day)
        return evaluate(rule, post, RAISED).outcome

    assert found("2014-05-26") is Outcome.NOT_MET
    assert found("2014-06-27 23:00") is Outcome.MET
    assert found(None) is Outcome.UNKNOWN


def test_an_unmet_rule_stays_unmet_whoever_posted():
    rule = with_scope(account_kinds=("public",))
    post = Post(text="a claim", reach={"views": 1, "reposts": 1})
    assert evaluate(rule, post, RAISED).outcome is Outcome.NOT_MET


def test_the_hash_is_of_the_meaning_and_not_of_the_layout(tmp_path):
    from importlib.resources import files

    text = (files("postrisk") / "rulebooks" / "fa_shi_2013_21.toml").read_text("utf-8")
    spaced, changed = tmp_path / "a.toml", tmp_path / "b.toml"
    spaced.write_text("# another comment\n\n" + text, "utf-8")
    changed.write_text(text.replace("at_least = 500\n", "at_least = 501\n"), "utf-8")
    assert Rulebook.load(spaced).hash == RULE.hash
    assert Rulebook.load(changed).hash != RULE.hash


def test_the_shipped_rule_cites_its_source():
    assert shipped_rulebooks() == ["fa_shi_2013_21"]
    assert "法释〔2013〕21号" in RULE.source.citation
    assert "五千次以上" in RULE.source.original
    assert str(RULE.effective.from_) == "2013-09-10"
    thresholds = {t.counter: t.at_least for t in RULE.threshold}
    assert thresholds == {"reposts": 500, "views": 5000}


BROKEN = {
    "not toml": "id = ",
    "missing keys": 'id = "x"',
    "unknown key": 'treshold = []\nid = "x"',
    "unknown key in a section": "[scope]\ncategoreis = []",
    "bad counter": '[[threshold]]\ncounter = "shares"\nat_least = 5',
    "zero threshold": '[[threshold]]\ncounter = "views"\nat_least = 0',
    "political category": '[scope]\ncategories = ["politics"]',
    "verdict": '[outcome]\nrecommendation = "remove"',
    "no limits": "[limits]\nnot_assessed = []",
}


@pytest.mark.parametrize("name", BROKEN)
def test_messages(name, tmp_path, monkeypatch, snapshot):
    from importlib.resources import files

    text = (files("postrisk") / "rulebooks" / "fa_shi_2013_21.toml").read_text("utf-8")
    section = BROKEN[name].split("\n")[0]
    if name in {"not toml", "missing keys"}:
        broken = BROKEN[name]
    elif section.startswith("["):
        head, _, rest = text.partition(section)
        following = rest.find("\n[")
        broken = head + BROKEN[name] + "\n" + rest[following:]
    else:
        broken = BROKEN[name].split("\n")[0] + "\n" + text
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rule.toml").write_text(broken, "utf-8")
    with pytest.raises(RulebookError) as error:
        Rulebook.load("rule.toml")
    assert str(error.value) == snapshot


def test_absent_and_unreadable_rulebooks(tmp_path, monkeypatch, snapshot):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'id = "\xff"')
    messages = []
    for name in ("absent.toml", "latin.toml"):
        with pytest.raises(RulebookError) as error:
            Rulebook.load(name)
        messages.append(str(error.value))
    assert messages == snapshot


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, "a = " + "9" * 5000])
def test_what_toml_cannot_hold_is_not_toml(tmp_path, text):
    path = tmp_path / "rule.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(RulebookError, match="not TOML"):
        Rulebook.load(path)
