"""One call measures a model: the suites agree with hand counts, and the report is exact."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from postrisk.corpora import NOTHING
from postrisk.errors import DataError, InputError, LabelError, TableError
from postrisk.evaluation import Rate
from postrisk.learning import learning_curve
from postrisk.model import Cutoffs
from postrisk.overblocking import is_civic, measure_gate, measure_overblocking, measure_twins
from postrisk.perturb import PERTURBATIONS
from postrisk.ranking import rank_sample
from postrisk.recipe import all_rows, split_rows
from postrisk.robustness import ANY, measure_dilution, measure_flips
from postrisk.samples import (
    CROSS,
    OWN,
    SAME,
    TWINS,
    Banded,
    Sample,
    as_model,
    authored_sample,
    band,
    make_sample,
)
from postrisk.scorer import Scorer
from postrisk.suites import DEFAULT_SUITES, evaluate, public_split, read_sample
from tiny import CATEGORIES, WORDS, tiny_model

SAFE = "soup and bread for lunch today"


def rows():
    """A small sample that the tiny model knows its way in."""
    texts, labels, kinds, groups = [], [], [], []
    for turn in range(24):
        for column, words in enumerate(WORDS.values()):
            texts += [f"{words} number {turn}", f"{SAFE} with {words.split()[0]} {turn}"]
            labels += [[int(c == column) for c in range(4)], [0] * 4]
            kinds += ["positive", "lookalike"]
            groups += [f"{column} {turn}"] * 2
    for turn in range(25):
        texts += [f"{SAFE} said the council {turn}", f"{SAFE} {turn}"]
        labels += [[0] * 4] * 2
        kinds += ["political opinion", "food"]
        groups += ["", ""]
    return make_sample(texts, labels, CATEGORIES, kinds=kinds, groups=groups)


@pytest.fixture(scope="module")
def sample():
    return rows()


@pytest.fixture(scope="module")
def banded(sample):
    return band(tiny_model(), sample.texts, sample.categories)


@pytest.fixture(scope="module")
def report(sample):
    return evaluate(tiny_model(), sample)


def test_bands_are_those_of_the_scorer():
    texts = [*authored_sample().texts[::7], *WORDS.values(), "", "42"]
    for model in (tiny_model(), as_model(None)):
        posts = [text or "." for text in texts]
        found = band(model, posts, model.categories)
        for index, assessment in enumerate(Scorer(model).score(posts)):
            assert list(assessment.scores.values()) == found.probabilities[index].tolist()
            names = [("pass", "review", "flag")[b] for b in found.bands[index]]
            assert [b.value for b in assessment.bands.values()] == names


def test_any_holder_of_a_model_will_do(tmp_path):
    model = tiny_model()
    assert as_model(model) is as_model(Scorer(model)) is model
    assert as_model(None).name == "postrisk-base"


def test_a_model_without_the_category_is_an_input_error():
    sample = make_sample(["x"], [[1]], ["spam"])
    with pytest.raises(InputError, match="found spam; the model has rumor"):
        evaluate(tiny_model(), sample)


def test_labels_and_columns_must_fit():
    with pytest.raises(LabelError, match="labels: found shape"):
        make_sample(["x"], [[1, 0]], ["rumor"])
    with pytest.raises(LabelError, match="kinds: found 2, expected 1"):
        make_sample(["x"], [[1]], ["rumor"], kinds=["a", "b"])


def test_the_authored_test_posts_come_with_their_topics():
    sample = authored_sample()
    assert set(sample.splits) == {TWINS}
    assert "protected: satire" in sample.kinds
    assert sample.risky.sum() + sample.safe.sum() == len(sample)
    assert sum(is_civic(kind) for kind in sample.kinds) > 30


def test_rankings_come_cross_source_first_and_name_what_was_skipped():
    texts = ["a", "b"] * 4
    labels = [[1], [0]] * 4
    splits = [TWINS, TWINS, SAME, SAME, OWN, OWN, CROSS, CROSS]
    sample = replace(make_sample(texts, labels, ["rumor"]), splits=splits)
    scores = np.array([[0.9], [0.1]] * 4)
    banded = Banded(scores, (scores > 0.5).astype(np.int8))
    ranked = rank_sample(sample, banded, 1)
    assert [line.split for line in ranked.lines] == [CROSS, OWN, SAME, TWINS]
    assert {line.auc.value for line in ranked.lines} == {1.0}
    assert ranked.lines[0].recall_review == Rate.of(np.array([True]))
    assert ranked.lines[0].recall_flag.rate == 0
    few = rank_sample(sample, banded, 2)
    assert not few.lines
    assert few.skipped == ("yours en rumor: 1 risky, 1 safe",) * 4


def test_unknown_labels_are_left_out_of_rankings_and_of_safe_posts():
    sample = make_sample(["a", "b", "c"], [[1, 0], [0, -1], [-1, 0]], ["rumor", "violence"])
    assert sample.risky.tolist() == [True, False, False]
    assert sample.safe.tolist() == [False, False, False]
    scores = np.array([[0.9, 0.1]] * 3)
    ranked = rank_sample(sample, Banded(scores, np.zeros((3, 2), np.int8)), 1)
    assert [(line.category, line.negatives) for line in ranked.lines] == [("rumor", 1)]


def test_overblocking_counts_safe_posts_and_finds_the_worst_group():
    kinds = ["news"] * 30 + ["satire"] * 2 + ["chat"] * 30
    sample = make_sample(["x"] * 62, [[0]] * 62, ["rumor"], kinds=kinds)
    bands = np.array([[2]] * 15 + [[0]] * 15 + [[1], [1]] + [[0]] * 30, np.int8)
    found = measure_overblocking(sample, Banded(bands / 2, bands))
    assert [(g.kind, g.review.hits, g.flag.hits) for g in found.groups] == [
        ("chat", 0, 0), ("news", 15, 15), ("satire", 2, 0),
    ]  # fmt: skip
    assert [line.kind for line in found.worst] == ["news"]
    assert (found.overall[0].review.hits, found.overall[0].review.total) == (17, 62)


def test_the_gate_is_the_gap_between_civic_and_other_posts():
    kinds = (["politics"] * 20 + ["sports"] * 20) * 2
    sources = ["a"] * 40 + ["b"] * 40
    sample = make_sample(["x"] * 80, [[0]] * 80, ["rumor"], kinds=kinds, sources=sources)
    bands = np.array([[1]] * 10 + [[0]] * 70, np.int8)
    lines = measure_gate(sample, Banded(bands / 2, bands))
    assert [line.source for line in lines] == ["all", "a", "b"]
    assert [round(line.review.difference.value, 2) for line in lines] == [0.25, 0.5, 0.0]
    assert lines[1].review.difference.low > 0
    assert lines[0].flag.difference.value == 0


def test_posts_of_one_side_alone_have_no_gate():
    sample = make_sample(["x"], [[0]], ["rumor"], kinds=["politics"])
    assert measure_gate(sample, Banded(np.zeros((1, 1)), np.zeros((1, 1), np.int8))) == ()


def test_twins_are_pairs_and_nothing_else():
    groups = ["a", "a", "b", "b", "c", "c", "c", "d"]
    kinds = ["positive", "lookalike"] * 2 + ["positive", "lookalike", "lookalike", "positive"]
    labels = [[int(kind == "positive")] for kind in kinds]
    sample = make_sample(["x y"] * 8, labels, ["rumor"], kinds=kinds, groups=groups)
    scores = np.array([[0.9], [0.1], [0.9], [0.8], [0.9], [0.1], [0.1], [0.9]])
    [line] = measure_twins(sample, Banded(scores, (scores >= 0.5).astype(np.int8)))
    assert (line.ordered.hits, line.ordered.total) == (2, 2)
    assert (line.both_right.hits, line.both_right.total) == (1, 2)


def test_invariant_perturbations_flip_nothing(sample, banded):
    names = [p.name for p in PERTURBATIONS.values() if p.invariant]
    flips = measure_flips(tiny_model(), sample, banded, names)
    assert {flip.perturbation for flip in flips} >= {"invisible", "bidi", "case", "full width"}
    assert sum(flip.lost.hits + flip.raised.hits for flip in flips) == 0
    assert sum(flip.lost.total for flip in flips if flip.category == ANY) > 300


def test_flips_are_of_the_posts_that_were_found(sample, banded):
    flips = measure_flips(tiny_model(), sample, banded, ["leet"], share=1.0)
    by_category = {flip.category: flip for flip in flips}
    found = ((sample.labels == 1) & (banded.bands > 0)).any(axis=1)
    calm = sample.safe & (banded.bands == 0).all(axis=1)
    assert by_category[ANY].lost.total == found.sum()
    assert by_category[ANY].raised.total == calm.sum()
    assert by_category[ANY].lost.total == sum(by_category[c].lost.total for c in CATEGORIES)
    assert by_category[ANY].lost.hits == sum(by_category[c].lost.hits for c in CATEGORIES) > 0


def test_dilution_keeps_what_it_may_and_says_what_the_words_do_alone(sample, banded):
    lines = measure_dilution(tiny_model(), sample, banded)
    assert [(d.words, d.place) for d in lines[:4]] == [
        (10, "start"), (10, "middle"), (10, "end"), (40, "start"),
    ]  # fmt: skip
    assert len(lines) == 12
    by_key = {(d.words, d.place): d for d in lines}
    assert by_key[10, "start"].review.rate >= by_key[640, "start"].review.rate
    assert all(d.filler.total == d.review.total == d.kept.total > 0 for d in lines)
    assert all(d.kept.hits <= d.review.hits for d in lines)


def test_a_model_that_raises_all_keeps_all_and_one_that_raises_none_is_not_diluted(sample):
    bold = tiny_model().with_cutoffs(dict.fromkeys(CATEGORIES, Cutoffs(review=0.0)))
    assert measure_dilution(bold, sample) == ()  # no safe words are left
    shy = tiny_model().with_cutoffs(dict.fromkeys(CATEGORIES, Cutoffs(review=1.0)))
    assert measure_dilution(shy, sample) == ()
    assert all(flip.lost.total == 0 for flip in measure_flips(shy, sample))


def test_markdown(report, snapshot):
    assert report.to_markdown() == snapshot


def test_json_is_deterministic_sorted_and_rounded(report, sample):
    again = evaluate(tiny_model(), sample).to_json()
    assert report.to_json() == again
    found = json.loads(again)
    assert list(found) == sorted(found)
    assert found["learning"] is None

    def floats(value):
        if isinstance(value, float):
            yield value
        for cell in (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ):
            yield from floats(cell)

    assert all(round(number, 6) == number for number in floats(found))


def test_posts_are_counted(report, sample):
    [count] = report.posts
    assert (count.posts, count.risky, count.safe) == (len(sample), 96, 146)


def test_saving_writes_report_and_pictures_alike_every_time(report, tmp_path):
    pytest.importorskip("matplotlib")
    written = report.save(tmp_path / "a" / "b", formats=("svg", "png"))
    again = report.save(tmp_path / "c", formats=("svg", "png"))
    names = {path.name for path in written}
    assert {"report.json", "report.md", "robustness.svg", "dilution.png"} <= names
    assert {"curves-your-own-posts-en.svg", "overblocking-en.svg"} <= names
    assert "reliability-your-own-posts-en.svg" in names
    for one, other in zip(written, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_without_matplotlib_the_report_is_still_written(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert len(report.save(tmp_path, plots=False)) == 2
    with pytest.raises(InputError, match=r"pip install 'postrisk\[plots\]'"):
        report.save(tmp_path, plots=True)


def test_a_format_that_is_none_is_an_input_error(report, tmp_path):
    with pytest.raises(InputError, match="formats: found 'gif'"):
        report.save(tmp_path, plots=True, formats=["gif"])


def test_only_the_suites_asked_for_run(sample):
    report = evaluate(tiny_model(), sample, suites=["twins"])
    assert report.twins
    assert report.ranked is report.robustness is report.gate is None
    assert [table.title for table in report.tables()] == ["Twins", "Posts measured on"]
    with pytest.raises(InputError, match="suites: found 'magic', expected ranking"):
        evaluate(tiny_model(), sample, suites=["magic"])
    with pytest.raises(InputError, match="learning: a curve of the recipe"):
        evaluate(tiny_model(), sample, suites=["learning"])
    assert "learning" not in DEFAULT_SUITES


def test_the_learning_curve_rises_on_the_authored_posts(tmp_path):
    shares = (0.1, 0.3)
    learnt = learning_curve(split_rows(all_rows(None)), shares)
    report = replace(evaluate(tiny_model(), suites=["twins"]), twins=None, learning=learnt)
    mean = {
        share: np.mean([p.auc.value for p in report.learning if p.share == share])
        for share in shares
    }
    assert list(mean.values()) == sorted(mean.values())
    posts = sorted({(p.share, p.posts) for p in report.learning})
    assert len(posts) == 2
    assert [count for _, count in posts] == sorted(count for _, count in posts)
    assert report.tables()[0].title == "Learning curve"
    pytest.importorskip("matplotlib")
    assert any(path.name == "learning.svg" for path in report.save(tmp_path, plots=True))


def write(path, header, lines):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *lines])
    return path


def test_own_posts_are_read_with_their_columns(tmp_path):
    header = ["text", "violence", "kind", "source", "language", "group", "note"]
    lines = [
        [WORDS["violence"], 1, "threat", "forum", "", "g", "x"],
        [SAFE, "", "", "", "zh", "", ""],
    ]
    sample = read_sample(write(tmp_path / "a.csv", header, lines))
    assert isinstance(sample, Sample)
    assert sample.categories == ("violence",)
    assert sample.labels.tolist() == [[1], [-1]]
    assert sample.sources == ["forum", "yours"]
    assert sample.languages == ["en", "zh"]
    assert sample.groups == ["g", "post 1"]
    report = evaluate(tiny_model(), tmp_path / "a.csv")
    assert report.ranked.skipped == ("forum en violence: 1 risky, 0 safe",)


def test_an_empty_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="found no post"):
        evaluate(tiny_model(), write(tmp_path / "a.csv", ["text", "rumor"], []))
    with pytest.raises(TableError):
        evaluate(tiny_model(), tmp_path / "absent.csv")


def test_without_the_data_folder_public_sets_are_a_data_error(monkeypatch):
    monkeypatch.setenv("POSTRISK_DATA", "")
    with pytest.raises(DataError, match="set POSTRISK_DATA"):
        public_split()


def test_categories_of_a_sample_are_the_library_s_own():
    assert set(authored_sample().categories) == set(NOTHING)
