"""Columns found by name, and rows read exactly as `Post` reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.columns import SYNONYMS, Columns
from postrisk.errors import PostError, TableError
from postrisk.post import Post

HEADER = [
    "id",
    "正文",
    "转发数",
    "阅读数",
    "点赞数",
    "评论数",
    "发布时间",
    "账号类型",
    "粉丝数",
    "语言",
]
cells = st.sampled_from(
    ["", " ", "500", "4,999", "1万+", "１２", "about 5k", "-1", "5.2k", "2014-06-12 08:31",
     "2014/6/1", "yesterday", "1402561860", "public", "公众号", "secret", "zh", "\ud800"]
) | st.text(max_size=8)  # fmt: skip


def both(row):
    """Read a row through the columns and through `Post`; give values or error fields."""
    kinds = {
        "": "unknown", "未知": "unknown", "公众号": "public", "公众": "public", "公开": "public",
        "私人": "private", "个人": "private",
    }  # fmt: skip
    identity, text, reposts, views, likes, comments, time, kind, followers, language = row
    kind = kind.strip().casefold()

    def direct():
        return Post(
            id=identity,
            text=text,
            reach={"reposts": reposts, "views": views, "likes": likes, "comments": comments},
            account={"kind": kinds.get(kind, kind), "followers": followers},
            posted_at=time,
            language=language.strip(),
        )

    found = []
    for read in (lambda: Columns(HEADER).post(row), direct):
        try:
            found.append(read())
        except PostError as error:
            found.append(type(error))
    return found


@given(st.lists(cells, min_size=len(HEADER), max_size=len(HEADER)))
def test_a_row_is_read_as_post_reads_it(row):
    by_columns, by_post = both(row)
    assert by_columns == by_post


@pytest.mark.parametrize("field", SYNONYMS)
def test_every_synonym_is_found(field):
    for name in SYNONYMS[field]:
        header = ["x", name] if field == "text" else ["text", name]
        assert Columns(header).found[field] == name
        assert Columns([h.upper() for h in header]).found[field] == name.upper()


def test_the_most_specific_text_column_wins():
    assert Columns(["title", "selftext", "text"]).found["text"] == "text"
    assert Columns(["标题", "正文"]).found["text"] == "正文"


def test_no_column_serves_two_fields():
    found = Columns(["time", "text", "阅读"], {"id": "time"}).found
    assert found == {"text": "text", "id": "time", "views": "阅读"}


def test_a_message_does_not_list_thousands_of_columns():
    with pytest.raises(TableError, match="and 9,970 more; name the column") as error:
        Columns([f"c{i}" for i in range(10_000)])
    assert len(str(error.value)) < 500


def test_messages(snapshot):
    messages = []
    for header, given_columns in ((["a", "b"], {}), (["text"], {"views": "seen"})):
        with pytest.raises(TableError) as error:
            Columns(header, given_columns)
        messages.append(str(error.value))
    row = ["text"], ["x"], "secret"
    with pytest.raises(PostError) as error:
        Columns(["text", "account_kind"]).post(["x", row[2]])
    messages.append(str(error.value))
    assert messages == snapshot
