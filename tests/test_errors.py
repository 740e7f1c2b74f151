from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk import errors
from postrisk.counts import Count
from postrisk.errors import (
    DataError,
    InputError,
    LabelError,
    ModelError,
    PostError,
    PostriskError,
    RulebookError,
    TableError,
    shorten,
)
from postrisk.features import PostFeatures
from postrisk.ngrams import Hashing
from postrisk.post import Post
from postrisk.store import load, save
from strategies import make_model
from test_store import edited_config, put, set_at
from test_training import LABELS, POSTS, classifier


def test_the_tree_is_as_drawn():
    found = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)}
    assert found == {
        PostriskError, InputError, PostError, TableError, LabelError, ModelError, RulebookError,
        DataError,
    }  # fmt: skip
    assert all(issubclass(error, PostriskError) for error in found)
    values = {error for error in found if issubclass(error, ValueError)}
    assert values == {InputError, PostError, TableError, LabelError}
    assert all(issubclass(error, InputError) for error in values)
    assert all(error.__name__ in errors.__doc__ for error in found)


def test_errors_carry_their_parts():
    post = PostError("reach.views", "found 'x'")
    assert (post.field, post.reason, str(post)) == (
        "reach.views",
        "found 'x'",
        "reach.views: found 'x'",
    )
    model = ModelError(Path("a.npz"), "checksum", "changed")
    assert (model.path, model.check, str(model)) == (
        Path("a.npz"),
        "checksum",
        "a.npz: checksum: changed",
    )
    rules = RulebookError(Path("r.toml"), "rules.0", "unknown")
    assert (rules.path, rules.key, str(rules)) == (
        Path("r.toml"),
        "rules.0",
        "r.toml: rules.0: unknown",
    )
    assert str(RulebookError(Path("r.toml"), "", "not TOML")) == "r.toml: not TOML"


class Unprintable:
    def __repr__(self):
        raise ZeroDivisionError


@given(st.one_of(st.text(), st.integers(), st.floats(), st.binary(), st.lists(st.text())))
def test_shortened_values_are_short_and_printable(value):
    shown = shorten(value)
    assert 0 < len(shown) <= 60
    if len(repr(value)) <= 60:
        assert shown == repr(value)
    shown.encode("utf-8")
    assert shown.isprintable()
    assert len(shorten(value, limit=10)) <= 10


@pytest.mark.parametrize(
    "value",
    [10**5000, Unprintable(), "x" * 10**6, [0] * 10**5],
    ids=lambda value: type(value).__name__,
)
def test_values_that_are_hard_to_show(value):
    assert 0 < len(shorten(value)) <= 60


MESSAGES = {
    "post: no text": Post,
    "post: blank text": lambda: Post(text="  "),
    "post: no string": lambda: Post(text=5),
    "post: too long": lambda: Post(text="a" * 100_001),
    "post: unknown field": lambda: Post(text="a", texts="b"),
    "post: id": lambda: Post(text="a", id=1.5),
    "post: account kind": lambda: Post(text="a", account={"kind": "bot"}),
    "post: account": lambda: Post(text="a", account="ann"),
    "post: time": lambda: Post(text="a", posted_at="yesterday"),
    "count: ambiguous": lambda: Post(text="a", reach={"views": "5.000"}),
    "count: negative": lambda: Post(text="a", reach={"reposts": -5}),
    "count: words": lambda: Post(text="a", account={"followers": "about 5k"}),
    "count: truth": lambda: Count.parse(True, "reach.likes"),
    "count: mapping": lambda: Count.parse({"value": -1}, "reach.likes"),
    "count: long": lambda: Count.parse("9" * 100, "reach.likes"),
    "labels: shape": lambda: classifier().fit(POSTS, LABELS[:, 0]),
    "labels: values": lambda: classifier().fit(POSTS, LABELS * 2),
    "labels: one kind": lambda: classifier().fit(POSTS, LABELS * 0),
    "labels: groups": lambda: classifier().fit(POSTS, LABELS, groups=[1] * 3),
    "labels: few groups": lambda: classifier().fit(POSTS, LABELS, groups=[1, 2] * 20),
    "labels: weights": lambda: classifier().fit(POSTS, LABELS, sample_weight=[-1] * 40),
    "labels: safe group": lambda: classifier().fit(POSTS, LABELS, safe_groups=[np.ones(3, bool)]),
    "labels: no categories": lambda: classifier(categories=()).fit(POSTS, np.zeros((40, 0))),
    "input: one string": lambda: PostFeatures().fit("soup"),
    "input: no post": lambda: PostFeatures().fit(["soup", None]),
    "input: style": lambda: PostFeatures(styles=("author",)).fit(["soup"]),
    "input: hashing": lambda: PostFeatures(bits=99).fit(["soup"]),
    "input: orders": lambda: PostFeatures(char_orders=(2, 1)).fit(["soup"]),
    "model: no folder": lambda: load("no/where"),
    "model: no name": lambda: load("nowhere"),
    "model: no weights": lambda: load(stored(without="weights.npy")),
    "model: changed weights": lambda: load(stored(**{"weights.npy": b"x"})),
    "model: changed card": lambda: load(stored(**{"CARD.md": b"x"})),
    "model: changed config": lambda: load(stored(change=set_at("name", value="other"), sign=False)),
    "model: not JSON": lambda: load(stored(**{"config.json": b"{"})),
    "model: another format": lambda: load(stored(change=set_at("format_version", value=1))),
    "model: another folding": lambda: load(stored(change=set_at("folding_version", value=99))),
    "model: a field": lambda: load(stored(change=set_at("hashing", "bits", value="x"))),
    "model: categories": lambda: load(stored(change=set_at("categories", value=["c0"]))),
    "model: twice": lambda: load(stored(change=set_at("categories", value=["c0", "c0"]))),
    "model: shape": lambda: load(stored(change=set_at("hashing", "bits", value=5))),
}  # fmt: skip


def stored(*, change=None, sign=True, without=None, **contents):
    """A stored model in ``model``, with something wrong."""
    folder = Path("model")
    save(
        make_model(hashing=Hashing(bits=4), n_categories=2),
        folder,
        card="# A",
        data_fingerprint="x",
    )
    good = {path.name: path.read_bytes() for path in folder.iterdir()}
    if change is not None and sign:
        good = edited_config(good, change)
    elif change is not None:
        config = json.loads(good["config.json"])
        change(config)
        good["config.json"] = json.dumps(config).encode()
    put(folder, {**good, **contents, **({without: None} if without else {})})
    return folder


@pytest.mark.parametrize("cause", MESSAGES.values(), ids=MESSAGES.keys())
def test_messages(cause, snapshot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PostriskError) as caught:
        cause()
    message = f"{type(caught.value).__name__}: {caught.value}"
    assert "\n" not in message
    assert message == snapshot
