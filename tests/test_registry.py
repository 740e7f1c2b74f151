"""Cards of data sets: each is valid, and none may be used for more than its licence allows."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.corpora import data_folder
from postrisk.datafiles import State, states
from postrisk.errors import DataError
from postrisk.registry import MOST_FOR, PERMISSIVE, Card, cards, pick, read_card, read_cards
from postrisk.sources import BY_NAME, LOADERS, SOURCES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "datasets" / "registry"
EDOS = (FOLDER / "edos.toml").read_text("utf-8")
NEEDS_DATA = pytest.mark.skipif(
    data_folder() is None, reason="no public data sets: set POSTRISK_DATA"
)


def test_every_card_is_read_and_every_loader_is_used():
    assert {card.name for card in cards()} == {path.stem for path in FOLDER.glob("*.toml")}
    assert {card.loader for card in cards() if card.loader} == set(LOADERS)
    assert {source.name for source in SOURCES} == {card.name for card in cards() if card.loader}
    assert list(BY_NAME) == [source.name for source in SOURCES]


def test_who_may_learn_from_what():
    base = {card.name for card in cards() if card.train == "base"}
    assert base == {
        "automod-nsfw", "civil-safe", "civil-threat", "cold", "constraint2021", "covid19-news",
        "covid19-rumor", "crisislex", "davidson", "edos", "fanboy", "hatemoji-build", "hatexplain",
        "mediaeval2015-dev", "pheme", "radicalization", "reddit-benign", "swsr", "weibo-hot",
        "zhihu-hot",
    }  # fmt: skip
    research = {card.name for card in cards() if card.train == "research"}
    assert research == {
        "ced", "chineseharm", "factcheck-zh", "sms-spam", "stormfront", "weibo-ma2016",
    }  # fmt: skip
    needed = {card.name for card in cards() if card.needs_reading}
    assert needed == {"ced", "civil-threat", "fanboy", "stormfront", "weibo-ma2016"}
    assert {card.name for card in cards() if card.official} == {"factcheck-zh"}
    assert {card.name: card.held_out_percent for card in pick(["chineseharm", "edos"])} == {
        "chineseharm": 40,
        "edos": 10,
    }


@given(st.sampled_from(sorted(MOST_FOR)), st.sampled_from(["base", "research", "never"]))
def test_a_licence_class_is_a_ceiling(licence_class, train):
    licence = "MIT" if licence_class == "permissive" else "some words"
    values = {**tomllib.loads(EDOS), "licence": licence, "licence_class": licence_class}
    order = ("never", "research", "base")
    if order.index(train) > order.index(MOST_FOR[licence_class]):
        with pytest.raises(ValueError, match="allows at most"):
            Card.model_validate({**values, "train": train})
    else:
        card = Card.model_validate({**values, "train": train})
        assert not card.refusal("evaluation")
        assert bool(card.refusal("research")) == (train == "never")
        assert bool(card.refusal("base")) == (train != "base")


def test_the_ceiling_holds_even_for_a_card_that_was_not_validated():
    card = read_card(FOLDER / "toxicn.toml").model_copy(update={"train": "base"})
    assert "never train on it" in card.refusal("base")
    assert "never train on it" in card.refusal("research")


def test_only_permissive_sets_may_teach_the_base_model():
    assert {card.licence for card in cards() if card.train == "base"} <= PERMISSIVE


BROKEN = {
    "not TOML": ("", "name = "),
    "misspelt": ("licence_class", "license_class"),
    "misspelt in a file": ("sha256", "sha526"),
    "missing": ('title = "Explainable Detection of Online Sexism"\n', ""),
    "another name": ('name = "edos"', 'name = "sode"'),
    "licence above its class": ('"permissive"', '"no-derivatives"'),
    "class against the licence's name": ('licence = "CC0-1.0"', 'licence = "CC-BY-NC-4.0"'),
    "permissive in words alone": ('licence = "CC0-1.0"', 'licence = "free"'),
    "purpose": ('purpose = "train"', 'purpose = "evaluation"'),
    "choice": ('train = "base"', 'train = "yes"'),
    "held out beside a test set": ("[upstream]", 'test_set = "edos"\n[upstream]'),
    "held out": ("[upstream]", "held_out_percent = 101\n[upstream]"),
    "path outside": ('path = "LICENSE"', 'path = "../LICENSE"'),
    "path twice": ('path = "LICENSE"', 'path = "data/edos_labelled_aggregated.csv"'),
    "checksum": ('sha256 = "', 'sha256 = "x'),
    "url": ('url = "https', 'url = "file'),
}


@pytest.mark.parametrize(("old", "new"), BROKEN.values(), ids=BROKEN.keys())
def test_messages_of_broken_cards(old, new, snapshot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert old in EDOS
    Path("edos.toml").write_text(EDOS.replace(old, new, 1), "utf-8")
    with pytest.raises(DataError) as caught:
        read_card(Path("edos.toml"))
    assert "\n" not in str(caught.value)
    assert str(caught.value) == snapshot


def test_a_test_set_must_exist(tmp_path):
    text = EDOS.replace("[upstream]", 'test_set = "nowhere"\nheld_out_percent = 0\n[upstream]')
    (tmp_path / "edos.toml").write_text(text, "utf-8")
    with pytest.raises(DataError, match="test_set: no set is named 'nowhere'"):
        read_cards(tmp_path)


def test_an_absent_card_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_card(tmp_path / "edos.toml")


def test_picking_by_name():
    assert [card.name for card in pick(["pheme", "edos", "pheme"])] == ["pheme", "edos"]
    assert pick([]) == cards()
    with pytest.raises(DataError, match="did you mean weibo-hot"):
        pick(["weibohot"])
    with pytest.raises(DataError, match="postrisk data list shows all"):
        pick(["%%%"])


def test_addresses_are_quoted_and_repacked_files_have_none():
    [lexicon] = pick(["lexicon-konsheng"])
    file = next(file for file in lexicon.files if file.path.startswith("涉"))
    assert lexicon.url(file).endswith("/Vocabulary/%E6%B6%89%E6%9E%AA%E6%B6%89%E7%88%86.txt")
    [ced] = pick(["ced"])
    assert "repacked from thunlp/Chinese_Rumor_Dataset" in ced.unfetchable(ced.files[0])
    [stormfront] = pick(["stormfront"])
    told = {file.path: bool(stormfront.unfetchable(file)) for file in stormfront.files}
    assert told == {
        "LICENSE": False, "all_files_combined.csv": True, "annotations_metadata.csv": False
    }  # fmt: skip


def test_tables_and_sets_without_a_loader_give_no_posts():
    for name in ("opencc", "clef2020"):
        [card] = pick([name])
        assert card.refusal("evaluation")
        assert name not in BY_NAME


@NEEDS_DATA
@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_the_data_folder_has_the_bytes_of_the_cards(card):
    assert set(states(card, data_folder()).values()) == {State.RIGHT}


@NEEDS_DATA
def test_the_checksum_tool_changes_nothing():
    before = {path: path.read_bytes() for path in FOLDER.glob("*.toml")}
    tool = ROOT / "tools" / "update_registry_checksums.py"
    command = [sys.executable, tool, str(data_folder()), "edos", "lexicon-konsheng"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert {path: path.read_bytes() for path in FOLDER.glob("*.toml")} == before
