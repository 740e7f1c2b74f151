"""The report: counts that add up, order, hostile texts, redaction and files that are not scored."""

from __future__ import annotations

import csv
import re
import sys
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.errors import InputError, TableError
from postrisk.scorer import Scorer
from postrisk.tables import added_columns, score_table
from tiny import CATEGORIES, WORDS, tiny_model

pytest.importorskip("jinja2")

from postrisk.report import FIRST_POSTS, _marked, _visible, write_report

SCORER = Scorer(tiny_model())
HEADER = ["id", "text", "reposts", "views"]
CALM = "soup and bread for lunch"
ADDED = added_columns(HEADER, CATEGORIES)


def write_csv(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def score_rows(folder, rows, header=HEADER):
    source = write_csv(folder / "posts.csv", header, rows)
    score_table(SCORER, source, folder / "scored.csv")
    return folder / "scored.csv"


def report_of(folder, rows, **options):
    target = folder / "report.html"
    write_report(score_rows(folder, rows), target, **options)
    return target.read_text("utf-8")


def scored_row(text="soup", *, p=0.1, band="pass", advice="none", reason=""):
    probabilities, bands = [p, 0.1, 0.1, 0.1], [band, "pass", "pass", "pass"]
    return ["7", text, "", "", "en", *probabilities, *bands, "not_met", advice, reason]


def report_of_scored(folder, rows, **options):
    scored = write_csv(folder / "scored.csv", [*HEADER, *ADDED], rows)
    write_report(scored, folder / "report.html", **options)
    return (folder / "report.html").read_text("utf-8")


class Page(HTMLParser):
    """The tags and attributes of a page, which must nest."""

    VOID = frozenset({"meta", "link", "line", "rect", "br"})

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self._open = set(), [], []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self._open.pop() == tag


def shown_text(html):
    return unescape(re.sub(r"<[^>]+>", "", html.split("<body>")[1]))


def numbers_shown(html):
    return re.findall(r"<strong>row (\d+)</strong>", html)


ROWS = [
    ["1", CALM, "3", ""],
    ["2", f"{WORDS['rumor']} 3", "500", ""],
    ["3", f"{WORDS['violence']} 4", "9", ""],
    ["4", f"{WORDS['rumor']} 5", "", ""],
    ["5", "汤和面包", "", "10"],
]


def test_the_page_is_one_file_that_loads_nothing_and_runs_nothing(tmp_path):
    html = report_of(tmp_path, ROWS)
    page = Page(html)
    assert "script" not in page.tags
    assert not {"img", "iframe", "object", "form", "base"} & page.tags
    assert not [a for a in page.attributes if a[1].startswith("on")]
    links = [value for _, name, value in page.attributes if name in ("src", "href")]
    assert links == ["data:,"]
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert [path.name for path in tmp_path.glob("report*")] == ["report.html"]


def test_the_counts_are_those_of_the_file(tmp_path):
    html = report_of(tmp_path, ROWS)
    with (tmp_path / "scored.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in CATEGORIES:
        counts = [
            sum(r[f"{name}_band"] == band for r in rows) for band in ("pass", "review", "flag")
        ]
        cells = "".join(rf"\s*<td>{n}</td>" for n in counts)
        assert re.search(rf'<th scope="row">{name}</th>{cells}', html)
    for outcome in ("met", "not_met", "unknown"):
        count = sum(row["reach"] == outcome for row in rows)
        assert f'<th scope="row">{outcome.replace("_", " ")}</th><td>{count}</td>' in html
    for language, count in (("en", 4), ("zh", 1)):
        assert f'<th scope="row">{language}</th><td>{count}</td>' in html


def test_the_same_file_gives_the_same_page(tmp_path):
    assert report_of(tmp_path, ROWS) == report_of(tmp_path, ROWS)


def test_what_is_met_goes_before_what_is_likelier(tmp_path):
    assert numbers_shown(report_of(tmp_path, ROWS))[0] == "2"


def test_order_is_recommendation_then_band_then_probability_then_row(tmp_path):
    rows = [
        scored_row(p=0.6, band="review", advice="review"),
        scored_row(),
        scored_row(p=0.7, band="review", advice="review"),
        scored_row(p=0.55, band="review", advice="review_first"),
        scored_row(p=0.9, band="flag", advice="review"),
        scored_row(p=0.6, band="review", advice="review"),
    ]
    assert numbers_shown(report_of_scored(tmp_path, rows)) == ["4", "5", "3", "1", "6"]


def test_only_the_first_are_kept(tmp_path):
    rows = [
        scored_row(p=0.5 + index / 1000, band="review", advice="review") for index in range(200)
    ]
    shown = numbers_shown(report_of_scored(tmp_path, rows))
    assert shown == [str(number) for number in range(200, 200 - FIRST_POSTS, -1)]


def test_caveats_are_in_plain_words(tmp_path):
    text = " ".join(shown_text(report_of(tmp_path, ROWS)).split())
    assert "A probability is not a verdict." in text
    assert "Reach orders the queue; it never changes a score." in text
    assert "whether the statement is false" in text
    assert "opinion, criticism and protest are no category" in text


HOSTILE = [
    "<script>alert(1)</script>",
    "</p></li><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &#60;i&#62;",
    "\"'><svg onload=alert(1)>",
    "</style><style>body{display:none}</style>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_and_do_nothing(tmp_path, text):
    row = scored_row(text, p=0.9, band="flag", advice="review", reason=f"rumor: “{text}”")
    row[0] = row[2] = row[4] = text
    html = report_of_scored(tmp_path, [row])
    page, calm = Page(html), Page(report_of_scored(tmp_path, [scored_row()]))
    assert page.tags - calm.tags <= {"mark", "ol", "li", "strong", "span"}
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert text not in html
    assert text in shown_text(html)
    assert "49 " not in shown_text(html)


def test_hostile_column_and_file_names_are_shown(tmp_path):
    names = ["<script>x</script>", *CATEGORIES[1:]]
    header = [*HEADER, *added_columns(HEADER, names)]
    scored = write_csv(tmp_path / "<b>&'.csv", header, [scored_row()])
    write_report(scored, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "script" not in Page(html).tags
    assert "<b>&'.csv" in shown_text(html)


def test_invisible_characters_are_shown_by_their_numbers(tmp_path):
    text = "a\u202eb\x00c\u200b 👨\u200d👩"
    html = report_of_scored(tmp_path, [scored_row(text, p=0.9, band="flag", advice="review")])
    assert "a⟨202e⟩b⟨0⟩c⟨200b⟩ 👨\u200d👩" in html
    assert "\u202e" not in html


PRIVATE = "break your legs tonight Zanzibar"


def test_redaction_leaves_nothing_that_the_author_wrote(tmp_path):
    rows = [["id-4711", PRIVATE, "12345", "67890"], *ROWS]
    plain = report_of(tmp_path, rows)
    assert "Zanzibar" in plain
    assert "id-4711" in plain
    html = report_of(tmp_path, rows, redact=True)
    assert "█" in html
    for word in [
        "legs",
        "tonight",
        "Zanzibar",
        "id-4711",
        "12345",
        "67890",
        "onion",
        "sock",
        "bread",
    ]:
        assert word.casefold() not in html.casefold()
    assert "<mark>" not in html
    assert numbers_shown(html) == numbers_shown(plain)


def test_redaction_hides_how_long_a_text_is_and_what_is_wrong_with_a_row(tmp_path):
    broken = scored_row("kept aside")
    broken[5] = "Zanzibar"
    rows = [scored_row(t, p=0.9, band="flag", advice="review") for t in ("a", "b" * 300)]
    html = report_of_scored(tmp_path, [broken, *rows], redact=True)
    assert "Zanzibar" not in html
    assert len(set(re.findall(r'<p class="text" dir="auto">(.*?)</p>', html))) == 1


NOT_SCORED = {
    "plain posts": ["id", "text"],
    "only probabilities": ["text", "language", *CATEGORIES],
    "a band short": [*HEADER, *[name for name in ADDED if name != "rumor_band"]],
    "another order": [*HEADER, *reversed(ADDED)],
}


@pytest.mark.parametrize("header", NOT_SCORED.values(), ids=NOT_SCORED)
def test_a_file_that_is_not_scored_is_a_table_error(tmp_path, header):
    source = write_csv(tmp_path / "posts.csv", header, [["x"] * len(header)])
    with pytest.raises(TableError, match=r"posts\.csv: not a scored file; the header has: .*score"):
        write_report(source, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["posts.csv"]


def test_an_empty_file_is_a_table_error(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(TableError, match=r"empty\.csv: empty, expected a header line"):
        write_report(tmp_path / "empty.csv", tmp_path / "report.html")


def test_a_missing_file_is_a_table_error(tmp_path):
    with pytest.raises(TableError, match="No such file"):
        write_report(tmp_path / "none.csv", tmp_path / "report.html")


def test_a_file_of_no_posts_makes_a_page_that_says_so(tmp_path):
    html = report_of_scored(tmp_path, [])
    Page(html)
    assert "there is nothing to report" in html
    assert "A probability is not a verdict." in html


def test_nothing_that_stands_out_makes_a_page_that_says_so(tmp_path):
    assert "No post stood out" in report_of_scored(tmp_path, [scored_row()])


def test_rows_that_are_not_as_scored_are_counted_apart(tmp_path):
    changed = [scored_row() for _ in range(4)]
    changed[0][5] = "1.5"
    changed[1][5] = "nan"
    changed[2][9] = "maybe"
    changed[3].append("one too many")
    html = report_of_scored(tmp_path, [scored_row(), *changed])
    assert "and 4 unreadable rows" in html
    assert "row 2: found" in html


def test_a_file_scored_twice_and_with_notes_is_read(tmp_path):
    once = score_rows(tmp_path, ROWS)
    score_table(SCORER, once, tmp_path / "twice.csv")
    with (tmp_path / "twice.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    noted = write_csv(tmp_path / "noted.csv", [*header, "note"], [[*row, "?"] for row in rows])
    write_report(noted, tmp_path / "twice.html")
    write_report(once, tmp_path / "once.html")
    once_read = numbers_shown((tmp_path / "once.html").read_text("utf-8"))
    assert numbers_shown((tmp_path / "twice.html").read_text("utf-8")) == once_read


def test_columns_given_for_scoring_are_given_again(tmp_path):
    header = ["words", *ADDED]
    row = scored_row(p=0.9, band="flag", advice="review")
    scored = write_csv(tmp_path / "scored.csv", header, [["onion sock", *row[4:]]])
    with pytest.raises(TableError, match="no column with the text"):
        write_report(scored, tmp_path / "report.html")
    write_report(scored, tmp_path / "report.html", given={"text": "words"})
    assert "onion sock" in (tmp_path / "report.html").read_text("utf-8")


def test_many_languages_are_counted_as_other(tmp_path):
    rows = [scored_row() for _ in range(42)]
    for row, language in zip(rows, [*map("l{}".format, range(40)), "x" * 50, ""], strict=True):
        row[4] = language
    html = report_of_scored(tmp_path, rows)
    assert '<th scope="row">other</th><td>30</td>' in html
    assert "x" * 50 not in html


def test_the_scored_file_is_never_written_over(tmp_path):
    scored = score_rows(tmp_path, ROWS)
    before = scored.read_bytes()
    with pytest.raises(TableError, match="is the scored file itself"):
        write_report(scored, scored)
    assert scored.read_bytes() == before


def test_a_page_that_cannot_be_written_is_a_table_error(tmp_path):
    scored = score_rows(tmp_path, ROWS)
    with pytest.raises(TableError, match="No such file"):
        write_report(scored, tmp_path / "none" / "report.html")


def test_without_jinja2_one_line_says_what_to_install(tmp_path, monkeypatch):
    scored = score_rows(tmp_path, ROWS)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"^jinja2 is not installed: pip install 'postrisk"):
        write_report(scored, tmp_path / "report.html")


def test_the_quoted_words_are_marked_and_long_texts_cut():
    assert _marked("soup and\n bread", "and bread") == ("soup ", "and\n bread", "")
    assert _marked("soup", "bread") == ("", "", "soup")
    assert _marked("soup (x+", "(x+…") == ("soup ", "(x+", "")
    before, words, after = _marked("a" * 5000 + "onion" + "b" * 5000, "onion")
    assert words == "onion"
    assert before.startswith("…a")
    assert after.endswith("b…")
    assert len(before + words + after) < 1000


@given(st.text(st.characters(exclude_categories=()), min_size=1), st.data())
def test_marking_loses_no_character_of_a_short_text(text, data):
    words = data.draw(st.sampled_from(text.split() or [""]))
    assert "".join(_marked(text, words)) == _visible(text)
