from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from postrisk.errors import InputError
from postrisk.features import PostFeatures, texts_of
from postrisk.folding import fold_batch
from postrisk.ngrams import Hashing, gram_matrix
from postrisk.post import Post
from postrisk.style import STYLES, style_features
from strategies import models, texts, whole_and_overall


def features_of(model):
    hashing = model.hashing
    return PostFeatures(hashing.char_orders, hashing.word_orders, hashing.bits, model.styles)


@given(models(), st.lists(texts(), min_size=1, max_size=6))
def test_law_3_the_features_times_the_weights_are_the_logits(model, batch_texts):
    model = whole_and_overall(model)
    matrix = features_of(model).fit(batch_texts).transform(batch_texts)
    ngrams = matrix[:, : model.hashing.buckets] @ model.weights.astype(float) * model.scales
    style = matrix[:, model.hashing.buckets :].toarray()
    named = style @ model.style_weights if model.styles else 0
    np.testing.assert_allclose(
        ngrams + named + model.biases, model.logits(batch_texts), rtol=1e-9, atol=1e-9
    )


def test_the_columns():
    features = PostFeatures((2, 3), (1,), 8, ("links", "length")).fit([])
    batch_texts = ["see https://a.example", "谣言", ""]
    matrix = features.transform(batch_texts)
    assert matrix.shape == (3, 258)
    assert matrix.dtype == np.float64
    hashing = Hashing(char_orders=(2, 3), word_orders=(1,), bits=8)
    batch = fold_batch(batch_texts)
    assert (matrix[:, :256] != gram_matrix(batch, hashing)).nnz == 0
    np.testing.assert_array_equal(
        matrix[:, 256:].toarray(), style_features(batch, ["links", "length"])
    )


def test_many_posts_and_none():
    features = PostFeatures(bits=6).fit(["a"])
    many = [f"post {index} " * (index % 60 + 1) for index in range(700)]
    matrix = features.transform(many)
    assert matrix.shape == (700, 64)
    assert (matrix[[0, 350, 699]] != features.transform([many[i] for i in (0, 350, 699)])).nnz == 0
    assert features.transform([]).shape == (0, 64)
    assert PostFeatures(bits=6, styles=STYLES).fit([]).transform([]).shape == (0, 64 + len(STYLES))


def test_names():
    features = PostFeatures(bits=4, styles=("emoji",)).fit(["a"])
    names = features.get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == [f"ngram_{index}" for index in range(16)] + ["emoji"]


def test_parameters_and_clones():
    features = PostFeatures((1, 2), (), 9, ("digits",))
    copy = clone(features)
    assert copy is not features
    assert copy.get_params() == features.get_params()
    assert copy.set_params(bits=5).fit(["a"]).transform(["a"]).shape == (1, 33)
    assert features.bits == 9


def test_posts_and_strings_are_alike():
    features = PostFeatures(bits=8).fit(["a"])
    posts = [
        Post(text="soup", reach={"views": 10**6}, account={"kind": "public"}),
        Post(text="谣言"),
    ]
    assert texts_of(posts) == ["soup", "谣言"]
    assert (features.transform(posts) != features.transform(["soup", "谣言"])).nnz == 0


def test_features_in_a_pipeline():
    pipeline = make_pipeline(PostFeatures(bits=8), LogisticRegression(C=100))
    posts = [f"{word} {turn}" for turn in range(10) for word in ("soup", "hoax")]
    assert pipeline.fit(posts, [0, 1] * 10).predict(["a hoax", "a soup"]).tolist() == [1, 0]


@pytest.mark.parametrize(
    "parameters",
    [
        {"bits": 3}, {"bits": 25}, {"bits": "x"}, {"bits": None}, {"char_orders": ()},
        {"char_orders": (9,)}, {"word_orders": (3,)}, {"styles": ("author",)},
        {"char_orders": (2, 1)}, {"char_orders": 5},
    ],
)  # fmt: skip
def test_wrong_parameters_show_when_fitting(parameters):
    features = PostFeatures(**parameters)
    with pytest.raises(InputError):
        features.fit(["a"])


@pytest.mark.parametrize("posts", ["one string", [None], ["a", 5], [b"a"], ["a", float("nan")]])
def test_what_are_no_posts(posts):
    with pytest.raises(InputError, match="found"):
        PostFeatures(bits=4).fit(posts)
    with pytest.raises(InputError, match="found"):
        PostFeatures(bits=4).fit(["a"]).transform(posts)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        PostFeatures().transform(["a"])
    with pytest.raises(NotFittedError):
        PostFeatures().get_feature_names_out()
