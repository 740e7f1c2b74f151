"""Which columns of an export hold what, found by their names in English and Chinese."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from postrisk.counts import Count
from postrisk.errors import PostError, TableError, shorten, shorten_list
from postrisk.post import (
    MAX_CHARS,
    Account,
    AccountKind,
    Post,
    Reach,
    clean_text,
    detect_language,
    parse_time,
)

# Most specific first: the first name that a header has wins.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "full_text", "content", "body", "tweet", "tweet_text", "post_text", "message",
        "正文", "微博正文", "微博内容", "推文", "博文", "文章内容", "内容", "文本", "selftext",
        "caption", "post", "title", "标题",
    ),
    "id": (
        "id", "post_id", "tweet_id", "status_id", "message_id", "mid", "bid", "微博id", "文章id",
        "帖子id", "编号",
    ),
    "platform": ("platform", "平台", "来源平台"),
    "posted_at": (
        "posted_at", "created_at", "published_at", "created_utc", "timestamp", "datetime", "date",
        "time", "发布时间", "发表时间", "发帖时间", "日期", "时间",
    ),
    "reposts": (
        "reposts", "repost_count", "reposts_count", "retweets", "retweet_count", "num_retweets",
        "shares", "share_count", "forwards", "转发数", "转发量", "转发", "分享数",
    ),
    "views": (
        "views", "view_count", "reads", "read_count", "impressions", "impression_count", "阅读数",
        "阅读量", "阅读", "浏览数", "浏览量",
    ),
    "likes": (
        "likes", "like_count", "favorite_count", "favourites", "favorites", "ups", "点赞数",
        "点赞量", "点赞", "赞",
    ),
    "comments": (
        "comments", "comment_count", "comments_count", "num_comments", "replies", "reply_count",
        "评论数", "评论量", "评论", "回复数",
    ),
    "account_kind": ("account_kind", "account_type", "账号类型", "帐号类型"),
    "followers": ("followers", "follower_count", "followers_count", "粉丝数"),
    "verified": ("verified", "is_verified", "认证", "是否认证"),
    "language": ("language", "lang", "语言"),
}  # fmt: skip
_KINDS = {
    "": "unknown", "unknown": "unknown", "未知": "unknown",
    "public": "public", "公开": "public", "公众号": "public", "公众": "public",
    "private": "private", "私人": "private", "个人": "private",
}  # fmt: skip
_TRUTHS = {
    "true": True, "1": True, "yes": True, "是": True,
    "false": False, "0": False, "no": False, "否": False, "": None,
}  # fmt: skip


def _normalise(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c not in " _-\t\u200b\ufeff")


class Columns:
    """Where each field of a post stands in the rows of one table.

    Parameters
    ----------
    header : sequence of str
    given : mapping of str to str, optional
        Fields and the column names that hold them, as the user says; they win over the
        names that are recognised.

    Raises
    ------
    TableError
        When a given column is not in the header, or no column holds the text.

    Examples
    --------
    >>> Columns(["微博id", "微博正文", "转发数"]).found
    {'text': '微博正文', 'id': '微博id', 'reposts': '转发数'}
    """

    def __init__(self, header: Sequence[str], given: Mapping[str, str] | None = None) -> None:
        self.header = list(header)
        self._index: dict[str, int] = {}
        for field, name in (given or {}).items():
            if name not in self.header:
                have = shorten_list(self.header)
                raise TableError(f"no column {name!r} for {field}; the header has: {have}")
            self._index[field] = self.header.index(name)
        normal = [_normalise(name) for name in self.header]
        for field, names in SYNONYMS.items():
            known = (normal.index(n) for n in map(_normalise, names) if n in normal)
            free = (index for index in known if index not in self._index.values())
            if field not in self._index and (index := next(free, None)) is not None:
                self._index[field] = index
        if "text" not in self._index:
            have = shorten_list(self.header)
            raise TableError(
                f"no column with the text of the posts; the header has: {have};"
                " name the column with --text-column"
            )

    @property
    def found(self) -> dict[str, str]:
        """Fields and the names of their columns."""
        return {f: self.header[self._index[f]] for f in SYNONYMS if f in self._index}

    def column_of(self, field: str) -> str:
        """Give the column name behind a field's dotted name, for messages."""
        return self.found.get(field.rsplit(".", 1)[-1].replace("kind", "account_kind"), "")

    def post(self, row: Sequence[str], *, max_chars: int = MAX_CHARS) -> Post:
        """Read one row as a post, with the same checks as `Post` itself.

        Raises
        ------
        PostError
        """

        def cell(field: str) -> str:
            index = self._index.get(field)
            return "" if index is None else row[index]

        def count(field: str, section: str = "reach") -> Count | None:
            return Count.parse(cell(field), f"{section}.{field}")

        text = clean_text(cell("text"), max_chars=max_chars)
        reach = Reach.model_construct(
            reposts=count("reposts"),
            views=count("views"),
            likes=count("likes"),
            comments=count("comments"),
        )
        account = Account.model_construct(
            kind=read_kind(cell("account_kind")),
            followers=count("followers", "account"),
            verified=read_verified(cell("verified")),
        )
        # Every value has passed the check that Post would make; building it again is the cost.
        return Post.model_construct(
            text=text,
            id=cell("id"),
            platform=cell("platform") or "other",
            account=account,
            reach=reach,
            posted_at=parse_time(cell("posted_at")),
            language=cell("language").strip() or detect_language(text),
        )


def read_kind(cell: str) -> AccountKind:
    """Read a cell with the kind of an account, in English or Chinese.

    Raises
    ------
    PostError

    Examples
    --------
    >>> read_kind("公众号"), read_kind("")
    ('public', 'unknown')
    """
    kind: AccountKind = _lookup(_KINDS, cell, "account.kind")
    return kind


def read_verified(cell: str) -> bool | None:
    """Read a cell that says whether an account is verified; None where it is missing.

    Raises
    ------
    PostError

    Examples
    --------
    >>> read_verified("是"), read_verified("")
    (True, None)
    """
    verified: bool | None = _lookup(_TRUTHS, cell, "account.verified")
    return verified


def _lookup(table: Mapping[str, Any], value: str, field: str) -> Any:
    key = unicodedata.normalize("NFKC", value).strip().casefold()
    if key not in table:
        allowed = ", ".join(k for k in table if k)
        raise PostError(field, f"found {shorten(value)}, expected one of {allowed}, or nothing")
    return table[key]
