"""From labels to a model folder: the same data give the same bytes, and the card is honest."""

from __future__ import annotations

import pytest

from postrisk.errors import LabelError, TableError
from postrisk.scorer import Scorer
from postrisk.shipping import read_labelled, train_file, train_shipped
from postrisk.store import load, read_config


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("shipped") / name for name in ("first", "second")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTRISK_DATA", "")
        reports = [train_shipped(folder) for folder in folders]
    return folders, reports


def test_training_twice_gives_the_same_bytes(trained):
    (first, second), _ = trained
    names = sorted(path.name for path in first.iterdir())
    assert names == ["CARD.md", "config.json", "weights.npy"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_without_public_data_it_says_so(trained):
    (folder, _), (report, _) = trained
    assert "the authored corpora alone" in report
    card = (folder / "CARD.md").read_text("utf-8")
    assert "from the authored corpora of this project alone" in card
    assert "never trained on | " not in card


def test_the_card_refuses_and_reports(trained):
    (folder, _), _ = trained
    card = (folder / "CARD.md").read_text("utf-8")
    for words in ("No political category", "No verdict", "No dossiers", "authored zh: protected"):
        assert words in card
    for category in ("rumor", "violence", "terrorism", "pornography"):
        assert f"| zh | {category} |" in card


def test_a_model_of_authored_posts_alone_already_ranks_twins(trained):
    (folder, _), _ = trained
    scorer = Scorer(folder)
    risky, safe = scorer.score(["今晚带人去堵他，打断他的腿", "今晚带人去堵车的地方看烟花"])
    assert risky.scores["violence"] > safe.scores["violence"]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_own_labels_may_leave_categories_out(tmp_path):
    lines = ["text,violence,rumor"]
    for turn in range(40):
        lines += [f"I will hit him {turn},1,", f"soup for lunch {turn},0,"]
    with pytest.raises(LabelError, match="rumor"):
        train_file(write(tmp_path / "a.csv", lines), tmp_path / "m", None, "mine", "1")
    lines = [line.rpartition(",")[0] for line in lines]
    report = train_file(write(tmp_path / "b.csv", lines), tmp_path / "m", None, "mine", "3")
    assert "80 posts, categories: violence" in report
    model = load(tmp_path / "m")
    assert (model.name, model.version, model.categories) == ("mine", "3", ("violence",))
    assert read_config(tmp_path / "m").calibration.method == "sigmoid"
    found = Scorer(model).score_one("I will hit him")
    assert found.bands["violence"].value != "pass"
    assert found.reach.outcome.value == "not_met"


def test_labels_are_read_as_score_reads_posts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('\ufeff"text";"rumor"\n"a; b";1\n\nc;0\n'.encode())
    data = read_labelled(path)
    assert data.texts == ["a; b", "c"]
    assert data.labels.tolist() == [[1], [0]]


@pytest.mark.parametrize("row", [b'"open,1', b"x", b"x,1,2", b"\xff,1"])
def test_a_broken_labelled_row_is_named_and_not_learnt_from(tmp_path, row):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,rumor\n" + "谣言,1\n".encode() * 10 + row + b"\n")
    with pytest.raises(TableError, match="line 12: "):
        read_labelled(path)


def test_labels_are_read_with_unknowns_and_groups(tmp_path):
    path = write(tmp_path / "a.csv", ["正文,rumor,thread", "x,1,a", "y,,a", "z,0,b"])
    data = read_labelled(path, "thread")
    assert data.labels.tolist() == [[1], [-1], [0]]
    assert data.groups == ["a", "a", "b"]
    with pytest.raises(TableError, match="--group-column"):
        read_labelled(path, "absent")
