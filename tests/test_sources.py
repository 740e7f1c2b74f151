"""Sources refuse what they may not be used for, and a reading changes labels as it should."""

from __future__ import annotations

import pytest

from postrisk.annotation import Reading, Readings, Record, text_key
from postrisk.corpora import CATEGORIES, NOTHING, Example, data_folder
from postrisk.errors import DataError
from postrisk.registry import cards
from postrisk.sources import BY_NAME, LOADERS, SOURCES, Source

FOLDERS = {card.name: card.folder for card in cards()}


def readings(source, **codes):
    """Readings of texts, each with its codes and the kind ``other``."""
    return Readings(
        Record(source, "", text_key(text), Reading(code, "other"), "first", line)
        for line, (text, code) in enumerate(codes.items(), 2)
    )


def source_of(name, *examples, **changes):
    card = BY_NAME[name].card.model_copy(update=changes)
    return Source(card, lambda _: iter(examples))


@pytest.fixture
def root(tmp_path):
    for folder in set(FOLDERS.values()):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def labels_of(source, root, purpose, given=None):
    given = Readings() if given is None else given
    return {row.text: row.labels for row in source.examples(root, purpose, given)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_set_refuses_what_it_may_not_be_used_for(source, tmp_path):
    for purpose in ("base", "research"):
        refused = not source.may(purpose)
        match = "never train on it" if refused else "POSTRISK_DATA"
        with pytest.raises(DataError, match=match):
            source.examples(tmp_path, purpose)
    with pytest.raises(DataError, match="no folder .*; set POSTRISK_DATA"):
        source.examples(tmp_path, "evaluation")


def test_unread_positives_teach_nothing_where_reading_is_needed(root):
    rows = (Example("a", {"rumor": 1}, "1"), Example("b", {"rumor": 0}, "2"))
    ced = source_of("ced", *rows)
    assert labels_of(ced, root, "research") == {"a": {}, "b": {"rumor": 0}}
    assert labels_of(ced, root, "evaluation") == {"a": {"rumor": 1}, "b": {"rumor": 0}}
    found = labels_of(ced, root, "research", readings("ced", a="r", b="r"))
    assert found == {"a": {**NOTHING, "rumor": 1}, "b": NOTHING}


def test_a_reader_may_take_a_rumor_away_but_never_add_one(root):
    rows = (Example("a", {"rumor": 1}, "1"), Example("b", {}, "2"), Example("c", {}, "3"))
    found = labels_of(source_of("ced", *rows), root, "research", readings("ced", a="0", b="R"))
    without_rumor = {name: 0 for name in NOTHING if name != "rumor"}
    assert found == {"a": without_rumor, "b": without_rumor, "c": {}}


def test_what_cannot_be_judged_is_dropped(root):
    edos = source_of("edos", Example("a", {"violence": 1}, "1"), Example("b", {}, "2"))
    assert list(labels_of(edos, root, "base", readings("edos", a="?"))) == ["b"]


def test_a_reading_overrides_a_label_in_the_other_categories(root):
    rows = (Example("a", {"violence": 1}, "1"), Example("b", {"violence": 0}, "2"))
    found = labels_of(source_of("cold", *rows), root, "base", readings("cold", a="0", b="vT"))
    assert found == {"a": NOTHING, "b": {**NOTHING, "violence": 1, "terrorism": 1}}


def test_a_reader_who_disagrees_with_the_annotators_leaves_the_label_unknown(root):
    rows = [Example(name, {"violence": y}, name) for name, y in (("a", 1), ("b", 0), ("c", 1))]
    read = readings("edos", a="0", b="vT", c="v")
    found = labels_of(source_of("edos", *rows), root, "base", read)
    assert "violence" not in found["a"]
    assert found["b"] == {"rumor": 0, "terrorism": 1, "pornography": 0}
    assert found["c"]["violence"] == 1


def test_a_presumed_label_gives_way_to_a_reading_and_a_judged_one_does_not(root):
    row = Example("a", dict(NOTHING), "1")
    presumed = labels_of(source_of("edos", row), root, "base", readings("edos", a="r"))
    assert "rumor" not in presumed["a"]
    judged = labels_of(source_of("pheme", row), root, "base", readings("pheme", a="r"))
    assert judged["a"]["rumor"] == 0


def test_an_official_platform_makes_no_rumor(root):
    rows = (Example("a", {"rumor": 1}, "1"), Example("b", dict(NOTHING), "2"))
    source = source_of("factcheck-zh", *rows)
    for purpose in ("research", "evaluation"):
        assert labels_of(source, root, purpose) == {"a": {}, "b": NOTHING}
        read = labels_of(source, root, purpose, readings("factcheck-zh", a="r"))
        assert "rumor" not in read["a"]


def test_the_limit_spares_posts_that_were_read(root):
    rows = [Example(str(i), dict(NOTHING), str(i)) for i in range(50)]
    source = source_of("edos", *rows, Example("unlabelled", {}, "x"), limit=10)
    plain = labels_of(source, root, "base")
    assert len(plain) == 10
    assert "unlabelled" not in plain
    read = readings("edos", **{str(i): "v" for i in range(12)})
    found = labels_of(source, root, "base", read)
    assert sorted(found, key=int) == [str(i) for i in range(12)]
    few = labels_of(source, root, "base", readings("edos", unlabelled="v"))
    assert len(few) == 10
    assert set(few) - {"unlabelled"} < set(plain)


def test_blank_posts_are_left_out(root):
    source = source_of("edos", Example("", {}, "1"), Example(" \n", {}, "2"), Example("a", {}, "3"))
    assert list(labels_of(source, root, "evaluation")) == ["a"]


def test_a_set_that_needs_reading_teaches_only_once_it_was_read():
    fanboy = BY_NAME["fanboy"]
    assert not fanboy.learns("base", Readings())
    assert fanboy.learns("base", readings("fanboy", a="t"))
    assert not BY_NAME["ced"].learns("base", readings("ced", a="r"))
    assert BY_NAME["ced"].learns("research", readings("ced", a="r"))
    assert BY_NAME["edos"].learns("base", Readings())
    assert not BY_NAME["i2p"].learns("research", Readings())


@pytest.mark.skipif(data_folder() is None, reason="no public data sets: set POSTRISK_DATA")
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_each_public_set_loads(name):
    source = BY_NAME[name]
    rows = source.examples(data_folder(), "evaluation", Readings())
    assert len(rows) > 250
    assert {label for row in rows for label in row.labels.values()} <= {0, 1}
    assert all(set(row.labels) <= set(CATEGORIES) for row in rows)
    positive = {name for row in rows for name, label in row.labels.items() if label}
    assert positive <= set(source.card.categories)
    assert all(row.row for row in rows)
    assert len({row.row for row in rows}) == len(rows)


def test_loaders_are_named_once():
    assert len(set(map(id, LOADERS.values()))) == len(LOADERS)
