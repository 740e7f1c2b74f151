"""Files in and out: nothing is lost, whatever the bytes."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrisk.errors import TableError
from postrisk.post import Post
from postrisk.report import write_report
from postrisk.rows import Lines, Rejected, detect_encoding, records
from postrisk.scorer import Scorer
from postrisk.tables import TableOptions, added_columns, read_row, rejected_path, score_table
from rowwise import score_by_rows
from tiny import WORDS, tiny_model

SCORER = Scorer(tiny_model(), max_chars=500)
HOSTILE = st.sampled_from(
    [
        '"',
        "\n",
        "\r\n",
        ",",
        '"a"b"',
        "\x00",
        "\ufeff",
        "é",
        "谣言",
        "\ud7ff",
        "😀",
        "''",
        "1万+",
        "",
    ]
)


def read_csv(path, encoding="utf-8"):
    if not path.exists():
        return []
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


def score_bytes(folder, data, **options):
    source, target = folder / "in.csv", folder / "out.csv"
    source.write_bytes(data)
    summary = score_table(SCORER, source, target, TableOptions(**options))
    rejected = read_csv(rejected_path(source, target))
    return summary, read_csv(target, "utf-8-sig"), rejected


def as_csv(rows, header=("id", "text", "reposts", "views"), encoding="utf-8", **dialect):
    buffer = io.StringIO()
    writer = csv.writer(buffer, **dialect)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode(encoding)


@settings(max_examples=60)
@given(data=st.binary(max_size=300) | st.lists(HOSTILE | st.binary(max_size=4)).map(
    lambda parts: b"".join(p if isinstance(p, bytes) else p.encode() for p in parts)))  # fmt: skip
def test_no_bytes_lose_a_row_or_break_the_run(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    summary, scored, rejected = score_bytes(folder, b"text,views\n" + data)
    assert summary.scored == len(scored)
    assert summary.rejected == len(rejected)
    assert all(row["reason"] and int(row["line"]) >= 2 for row in rejected)


PARTS = st.sampled_from(
    [
        *WORDS.values(), "hello", "谣言", "\ufeff", ",", ",", "499", "1万+", "\n", "\n", "\n",
        "\r\n", "\r", '"', '","', '"a\nb"', '""', '\n"d",\n', " ", "\x00", "2014-06-12",
    ]
)  # fmt: skip
FORMS = [{}, {}, {"delimiter": ";"}, {"encoding": "utf-8-sig"}, {"encoding": "cp1252"}]


@settings(max_examples=40)
@given(
    data=st.lists(PARTS.map(str.encode) | st.binary(max_size=2), max_size=30).map(b"".join),
    size=st.sampled_from([7, 16, 64, 1 << 20]),
    workers=st.integers(1, 3),
    form=st.sampled_from(FORMS),
)
def test_blocks_and_workers_give_the_bytes_of_one_row_after_the_other(
    tmp_path_factory, data, size, workers, form
):
    folder = tmp_path_factory.mktemp("blocks")
    header = f"text{form.get('delimiter', ',')}views\n".encode()
    (folder / "in.csv").write_bytes(header + data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("postrisk.tables.block_bytes", lambda _workers: size)
        options = TableOptions(**form, workers=workers)
        summary = score_table(SCORER, folder / "in.csv", folder / "out.csv", options)
    written, kept, counts = score_by_rows(SCORER, folder / "in.csv", **form)
    assert (folder / "out.csv").read_bytes() == written
    aside = folder / "out.csv.rejected.csv"
    assert (aside.read_bytes() if aside.exists() else b"") == kept
    found = summary.bands + Counter({(name, ""): n for name, n in summary.reach.items()})
    found += Counter({(name, "look"): n for name, n in summary.recommendations.items()})
    found += Counter({"scored": summary.scored, "rejected": summary.rejected})
    assert found == counts


def test_progress_tells_how_much_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr("postrisk.tables.block_bytes", lambda _workers: 64)
    source = tmp_path / "in.csv"
    source.write_bytes(b"text,views\n" + b"hello,1\n" * 100)
    told = []
    for workers in (1, 2):
        options = TableOptions(workers=workers)
        score_table(
            SCORER,
            source,
            tmp_path / "out.csv",
            options,
            lambda *now: told.append((now[0], now[1].rows)),
        )
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    assert told == sorted(told[: len(told) // 2]) * 2
    assert told[-1] == (source.stat().st_size, 100)


rows = st.tuples(
    st.sampled_from(["", "1", "0012345678901234567", "x"]),
    st.text(max_size=30) | st.sampled_from(list(WORDS.values())),
    st.sampled_from(["", "499", "500", "1万+", "about 5k"]),
    st.sampled_from(["", "4,999", "5000", "N/A"]),
)


@settings(max_examples=60)
@given(found=st.lists(rows, max_size=8))
def test_through_csv_every_post_gets_what_it_gets_alone(tmp_path_factory, found):
    folder = tmp_path_factory.mktemp("rows")
    writable = [row for row in found if "\x00" not in row[1]]
    summary, scored, rejected = score_bytes(folder, as_csv(writable, quoting=csv.QUOTE_ALL))
    assert summary.rows == len(writable)
    good = []
    for identity, text, reposts, views in writable:
        try:
            good.append(Post(id=identity, text=text, reach={"reposts": reposts, "views": views}))
        except ValueError:
            continue
    assert len(scored) == len(good)
    assert len(rejected) == len(writable) - len(good)
    for row, alone in zip(scored, SCORER.score(good), strict=True):
        assert {name: float(row[name]) for name in alone.scores} == alone.scores
        assert {name: row[f"{name}_band"] for name in alone.bands} == alone.bands
        assert (row["reach"], row["recommendation"]) == (alone.reach.outcome, alone.recommendation)
        assert (row["reason"], row["language"]) == (alone.reason, alone.language)


def test_columns_and_order_are_kept_and_ids_survive(tmp_path):
    data = as_csv([["0012345678901234567", "hello", "", "x"]], ("id", "text", "lang", "extra"))
    _, [row], _ = score_bytes(tmp_path, data)
    assert list(row)[:4] == ["id", "text", "lang", "extra"]
    assert row["id"] == "0012345678901234567"
    assert row["extra"] == "x"


def test_added_columns_do_not_hide_columns_of_the_input(tmp_path):
    data = as_csv([["hello", "fr", "mine"]], ("text", "language", "rumor"))
    _, [row], _ = score_bytes(tmp_path, data)
    assert (row["language"], row["rumor"]) == ("fr", "mine")
    assert row["postrisk_language"] == "fr"
    assert 0 <= float(row["postrisk_rumor"]) <= 1
    assert added_columns(["text"], ["rumor"]) == [
        "language", "rumor", "rumor_band", "reach", "recommendation", "reason",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_are_told_and_give_the_same_scores(tmp_path, encoding):
    data = as_csv([["1", "打死我也不信，这是谣言吗", "", ""]] * 3, encoding=encoding)
    summary, scored, rejected = score_bytes(tmp_path, data)
    assert summary.encoding == encoding
    assert not rejected
    assert [row["text"] for row in scored] == ["打死我也不信，这是谣言吗"] * 3


def test_a_few_damaged_rows_do_not_change_the_encoding(tmp_path):
    good = "1,今天天气很好,,\n".encode()
    data = b"id,text,reposts,views\n" + good * 20 + "2,坏".encode()[:-1] + b",,\n" + good
    summary, scored, rejected = score_bytes(tmp_path, data)
    assert (summary.encoding, len(scored)) == ("utf-8", 21)
    assert [row["line"] for row in rejected] == ["22"]
    assert "not text in the encoding" in rejected[0]["reason"]


def test_detecting_leaves_the_file_at_its_start():
    file = io.BytesIO("谣言\n".encode("gb18030"))
    assert detect_encoding(file) == "gb18030"
    assert file.tell() == 0


@given(
    lines=st.lists(
        st.sampled_from(
            [b"ascii", "谣言".encode(), "谣言".encode("gb18030"), b"\xe8\xb0", b"\r", b""]
        ),
        max_size=30,
    ),
    end=st.sampled_from([b"", b"\n"]),
    chunk=st.sampled_from([1, 2, 5, 16, 1 << 20]),
)
def test_the_encoding_is_told_line_by_line(lines, end, chunk):
    foreign = [line for line in lines if not line.isascii()]
    valid = sum(line.decode("utf-8", "ignore").encode() == line for line in foreign)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("postrisk.rows.CHUNK", chunk)
        patch.setattr("postrisk.rows._WORTH_A_CALL", 8)
        found = detect_encoding(io.BytesIO(b"\n".join(lines) + end))
    assert found == ("utf-8" if valid >= 0.9 * len(foreign) else "gb18030")


def test_line_numbers_count_physical_lines(tmp_path):
    data = b'id,text,reposts,views\n1,"two\nlines",,\n2,hello,about 5k,\n\n3,,,\n4,ok,,\n'
    _, scored, rejected = score_bytes(tmp_path, data)
    assert [row["id"] for row in scored] == ["1", "4"]
    assert [(row["line"], row["column"]) for row in rejected] == [("4", "reposts"), ("6", "text")]


def test_an_open_quote_costs_its_own_line_only(tmp_path):
    data = b'id,text\n1,fine\n2,"never closed\n' + b"3,fine too\n" * 1500
    _, scored, rejected = score_bytes(tmp_path, data)
    assert len(scored) == 1501
    assert [row["line"] for row in rejected] == ["3"]
    assert rejected[0]["row"] == '2,"never closed'


def test_an_open_quote_at_the_end_of_the_file(tmp_path):
    _, scored, rejected = score_bytes(tmp_path, b'id,text\n1,"open\n2,fine\n')
    assert [row["id"] for row in scored] == ["2"]
    assert "quoting" in rejected[0]["reason"]


def test_rejected_rows_keep_all_that_stood_in_them(tmp_path, snapshot):
    data = (
        b"id,text,reposts,views\n1,hello,about 5k,\n2,,1,\n3, \t ,1,\n4,x\n5,a,1,2,3,4\n"
        b"6," + b"y" * 501 + b",,\n7,fine,,N/A\n"
    )
    _, scored, rejected = score_bytes(tmp_path, data)
    assert scored == []
    assert json.dumps(rejected, ensure_ascii=False, indent=1) == snapshot


def test_a_stale_file_of_rejected_rows_is_not_left_behind(tmp_path):
    score_bytes(tmp_path, b"text,views\nhello,N/A\n")
    assert (tmp_path / "out.csv.rejected.csv").exists()
    score_bytes(tmp_path, b"text,views\nhello,1\n")
    assert not (tmp_path / "out.csv.rejected.csv").exists()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_from_the_header(tmp_path, delimiter):
    data = as_csv([["1", "hello, you; and | more", "5", "6"]], delimiter=delimiter)
    _, [row], _ = score_bytes(tmp_path, data)
    assert row["text"] == "hello, you; and | more"


def test_columns_can_be_given(tmp_path):
    data = as_csv([["hello", "777"]], ("words", "seen"))
    summary, [row], _ = score_bytes(tmp_path, data, given={"text": "words", "views": "seen"})
    assert summary.columns == {"text": "words", "views": "seen"}
    assert row["reach"] == "not_met"


def test_files_as_a_whole(tmp_path, monkeypatch, snapshot):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "blank.csv").write_bytes(b"\n\n")
    (tmp_path / "quote.csv").write_bytes(b'"text\nx\n')
    (tmp_path / "fine.csv").write_bytes(b"text\nhello\n")
    messages = []
    for source, target, options in (
        ("absent.csv", "out.csv", {}),
        ("empty.csv", "out.csv", {}),
        ("blank.csv", "out.csv", {}),
        ("quote.csv", "out.csv", {}),
        ("fine.csv", "no/such/folder/out.csv", {}),
        ("fine.csv", "out.csv", {"encoding": "utf-99"}),
    ):
        with pytest.raises(TableError) as error:
            score_table(SCORER, source, target, TableOptions(**options))
        messages.append(str(error.value))
        assert not (tmp_path / "out.csv").exists()
    assert messages == snapshot


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe" + "text\na\nb".encode("utf-16-le")[:-1],
        b"\xff\xfe" + "text\na\nb\n".encode("utf-16-le") + b"\x00\xd8c\x00",
    ],
    ids=["odd length", "half a surrogate pair"],
)
def test_damaged_utf16_costs_the_damaged_row_only(tmp_path, data):
    _, scored, rejected = score_bytes(tmp_path, data)
    assert [row["text"] for row in scored] == ["a", "b"][: len(scored)]
    assert len(scored) >= 1
    assert "not text in the encoding" in rejected[0]["reason"]


def test_a_damaged_header_is_refused(tmp_path):
    with pytest.raises(TableError, match="header line has bytes that are not text"):
        score_bytes(tmp_path, b"text,\xff\nhello,1\n")


@pytest.mark.parametrize("encoding", ["base64", "undefined", "punycode", "utf-16"])
def test_an_encoding_that_does_not_fit_is_an_error(tmp_path, encoding):
    with pytest.raises(TableError, match="--encoding"):
        score_bytes(tmp_path, b"text\nhello\n", encoding=encoding)


def test_a_mark_before_a_quoted_header_is_no_part_of_it(tmp_path):
    data = as_csv([["hello"]], ("text",), "utf-8-sig", quoting=csv.QUOTE_ALL)
    summary, [row], _ = score_bytes(tmp_path, data, encoding="utf-8")
    assert summary.columns == {"text": "text"}
    assert row["text"] == "hello"


def test_delimiters_inside_quotes_of_the_header_do_not_count(tmp_path):
    _, [row], _ = score_bytes(tmp_path, b'"likes; shares; views",text\n1,hello\n')
    assert row["text"] == "hello"


def test_a_rejected_row_of_several_lines_is_kept_as_it_stood(tmp_path):
    _, _, [row] = score_bytes(tmp_path, b'text,views\n"two\r\nlines",many\n')
    assert row["row"] == '"two\r\nlines",many'


def test_a_lone_carriage_return_stays_inside_its_cell(tmp_path):
    _, [row], _ = score_bytes(tmp_path, b'text\n"a\rb"\n')
    assert row["text"] == "a\rb"


def test_many_open_quotes_are_read_in_linear_time():
    count = 3000
    lines = Lines(io.StringIO('b","c\n' * count))
    read = 0

    class Counted(list):
        def append(self, line):
            nonlocal read
            read += 1
            super().append(line)

    lines.record = Counted()
    assert sum(isinstance(row, Rejected) for row in records(lines, ",", 2)) == count
    assert read < 64_000 + 1000 + 12 * count


def test_scoring_again_and_again_never_names_two_columns_alike(tmp_path):
    source, target = tmp_path / "0.csv", tmp_path / "1.csv"
    source.write_bytes(b"text\nhello\n")
    for turn in range(1, 4):
        target = tmp_path / f"{turn}.csv"
        score_table(SCORER, source, target)
        source = target
    header = target.read_text("utf-8").splitlines()[0].split(",")
    assert len(set(header)) == len(header)
    write_report(target, tmp_path / "page.html")


def test_no_file_is_written_over_another_of_the_same_run(tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    data = b"text,views\nhello,N/A\n"
    source.write_bytes(data)
    for output, aside in ((source, None), (target, source), (target, target)):
        with pytest.raises(TableError, match="give the"):
            score_table(SCORER, source, output, TableOptions(rejected=aside))
    assert source.read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_an_input_named_like_an_unfinished_output_survives(tmp_path):
    source = tmp_path / "out.csv.part"
    source.write_bytes(b"text\nhello\n")
    score_table(SCORER, source, tmp_path / "out.csv")
    assert source.read_bytes() == b"text\nhello\n"


@pytest.mark.parametrize("target", [".", "", "folder"])
def test_a_folder_is_no_output(tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "in.csv").write_bytes(b"text\nhello\n")
    with pytest.raises(TableError, match="Is a directory"):
        score_table(SCORER, "in.csv", target)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_run_leaves_the_files_of_the_last_one(tmp_path, monkeypatch, workers):
    score_bytes(tmp_path, b"text,views\nhello,N/A\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "in.csv"}

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("postrisk.tables.score_block", interrupt)
    with pytest.raises(KeyboardInterrupt):
        score_bytes(tmp_path, b"text,views\nx,N/A\ny,N/A\nz,1\n", workers=workers)
    (tmp_path / "in.csv").unlink()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_rejected_rows_that_cannot_be_written_name_their_own_file(tmp_path):
    aside = tmp_path / "absent" / "rejected.csv"
    with pytest.raises(TableError, match="rejected.csv: No such file"):
        score_bytes(tmp_path, b"text,views\nhello,N/A\n", rejected=aside)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_read_and_written_and_not_replaced(tmp_path):
    source, target = tmp_path / "in.pipe", tmp_path / "out.pipe"
    os.mkfifo(source)
    os.mkfifo(target)
    found = []
    threads = [
        Thread(target=source.write_bytes, args=(b"text\nhello\n",)),
        Thread(target=lambda: found.append(target.read_bytes())),
    ]
    for thread in threads:
        thread.start()
    score_table(SCORER, source, target)
    for thread in threads:
        thread.join(10)
    assert b"hello,en," in found[0]
    assert target.is_fifo()


def test_one_row_can_be_read(tmp_path):
    path = tmp_path / "in.csv"
    path.write_bytes(as_csv([["1", "hello", "5", ""], ["2", "", "", ""]]))
    assert read_row(path, 1).text == "hello"
    for number in (2, 3):
        with pytest.raises(TableError):
            read_row(path, number)
