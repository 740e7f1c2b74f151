"""Posts, the accounts they come from and how far they have spread."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from numbers import Integral
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from postrisk.counts import Count, is_number
from postrisk.errors import PostError, shorten

MAX_CHARS = 100_000
AccountKind = Literal["public", "private", "unknown"]
_SURROGATES = re.compile("[\ud800-\udfff]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
_KANA_HANGUL = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
_LATEST = 10**10
_UNIX_SECONDS = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?")
_LOOSE_DATE = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
    r"(?:[ T]*([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?"
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


class Category(StrEnum):
    """What a post may look like. There is no political category, on purpose."""

    RUMOR = "rumor"
    VIOLENCE = "violence"
    TERRORISM = "terrorism"
    PORNOGRAPHY = "pornography"


def clean_text(text: Any, *, max_chars: int = MAX_CHARS) -> str:
    r"""Check a text and give it in the form that postrisk keeps.

    Surrogate pairs, which broken JSON exports leave behind, become the character they
    stand for; a lone surrogate becomes U+FFFD, so that the text can be written out again.
    NUL characters stay, and folding ignores them.

    Parameters
    ----------
    text : str
        The text as found.
    max_chars : int
        The longest text allowed, in code points.

    Raises
    ------
    PostError
        When the text is not a string, is blank, or is longer than ``max_chars``.

    Examples
    --------
    >>> clean_text("\ud83d\ude00!") == "\U0001f600!"
    True
    """
    if not isinstance(text, str):
        raise PostError("text", f"found {shorten(text)}, expected a string")
    if len(text) > max_chars:
        raise PostError(
            "text",
            f"{len(text):,} characters, expected at most {max_chars:,};"
            " raise max_chars or split the text",
        )
    if not text or text.isspace():
        raise PostError("text", "empty or only whitespace; there is nothing to score")
    return _without_surrogates(text)


def _without_surrogates(text: str) -> str:
    if _SURROGATES.search(text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def detect_language(text: str) -> str:
    """Tell ``zh``, ``en`` or ``und`` (undetermined) from the script alone.

    One Han character weighs as much as three Latin letters, about a word's worth; kana and
    Hangul mean that Han characters are not Chinese.

    >>> detect_language("打死我也不信 lol"), detect_language("see you"), detect_language("123")
    ('zh', 'en', 'und')
    """
    if text.isascii():
        return "en" if _LATIN.search(text) else "und"
    han, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
    if han and len(_KANA_HANGUL.findall(text)) > han // 4:
        return "und"
    if 3 * han >= latin and han:
        return "zh"
    return "en" if latin else "und"


def parse_time(value: Any) -> datetime | None:
    """Read when a post was made, from the forms that exports use.

    ISO 8601 in all its forms, ``2014/6/12 08:31``, ``2014年6月12日 08:31``, Unix seconds, and
    Twitter's ``Thu Jun 12 08:31:00 +0000 2014``. A time without a zone keeps none.

    Returns
    -------
    datetime or None
        None when it is missing.

    Raises
    ------
    PostError

    Examples
    --------
    >>> parse_time("2014年6月12日 08:31").isoformat()
    '2014-06-12T08:31:00'
    """
    may_be_nan = is_number(value) or isinstance(value, datetime)
    if value is None or (may_be_nan and value != value):  # noqa: PLR0124 - NaN, NaT: missing
        return None
    if isinstance(value, datetime):
        return value
    text = unicodedata.normalize("NFKC", value).strip() if isinstance(value, str) else None
    if is_number(value) and 0 <= value < _LATEST:
        text = str(int(value))
    if text == "":
        return None
    found = _read_time(text) if text is not None else None
    if found is None:
        would_do = "a date such as 2014-06-12 08:31 or Unix seconds, or nothing"
        raise PostError("posted_at", f"found {shorten(value)}, expected {would_do}")
    return found


@lru_cache(maxsize=4096)
def _read_time(text: str) -> datetime | None:
    if _UNIX_SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text), tz=UTC)
    if match := _LOOSE_DATE.fullmatch(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - none is given
        except ValueError:
            return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y")
    except ValueError:
        return None


def _parse_count(value: Any, info: ValidationInfo) -> Count | None:
    return Count.parse(value, f"{info.config['title']}.{info.field_name}")  # type: ignore[index]


OptionalCount = Annotated[Count | None, BeforeValidator(_parse_count)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _as_post_error(error) from None

    # Without it pydantic calls ``__init__`` while it validates, and the context is lost.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Validate as pydantic does, with `PostError` for what is wrong."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise _as_post_error(error) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Validate JSON as pydantic does, with `PostError` for what is wrong."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise _as_post_error(error) from None


def _as_post_error(error: ValidationError) -> PostError:
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, PostError):
        return cause
    path = [error.title] if error.title != "post" else []
    field = ".".join([*path, *map(str, first["loc"])]) or "post"
    found = "nothing" if first["type"] == "missing" else shorten(first["input"])
    return PostError(field, f"found {found}; {first['msg'].lower()}")


class Account(_Frozen):
    """Who posted, as far as a rule may need it. Never a feature of the shipped model."""

    model_config = ConfigDict(title="account")

    kind: AccountKind = "unknown"
    followers: OptionalCount = None
    verified: bool | None = None


class Reach(_Frozen):
    """How far a post has spread; None means missing, which is never 0.

    Examples
    --------
    >>> Reach(reposts="1万+", views="5,000").views
    Count(value=5000, at_least=False)
    """

    model_config = ConfigDict(title="reach")

    reposts: OptionalCount = None
    views: OptionalCount = None
    likes: OptionalCount = None
    comments: OptionalCount = None


_NO_ACCOUNT, _NO_REACH = Account(), Reach()
_POST_FIELDS = {"text"}


class Post(_Frozen):
    """One social-media post.

    Attributes
    ----------
    text : str
        At most 100,000 characters unless validated with
        ``Post.model_validate(..., context={"max_chars": n})``. See `clean_text`.
    id : str
        The platform's id as text, so that long digit ids survive.
    platform : str
        ``weibo``, ``wechat``, ``twitter``, ``reddit``, ``other`` or any name.
    account : Account
    reach : Reach
    posted_at : datetime or None
    language : str
        Detected from the script when absent.

    Raises
    ------
    PostError
        Names the field, what was found and what would do.

    Examples
    --------
    >>> post = Post(text="转发微博", reach={"reposts": "1.2万+"})
    >>> post.language, post.reach.reposts
    ('zh', Count(value=12000, at_least=True))
    """

    model_config = ConfigDict(title="post")

    text: str
    id: str = ""
    platform: str = "other"
    account: Account = Field(default_factory=Account)
    reach: Reach = Field(default_factory=Reach)
    posted_at: datetime | None = None
    language: str = ""

    @classmethod
    def of_text(cls, text: str) -> Post:
        """Give the post of which nothing but its text is known, as `clean_text` gave it."""
        return cls.model_construct(
            _POST_FIELDS,
            text=text,
            id="",
            platform="other",
            account=_NO_ACCOUNT,
            reach=_NO_REACH,
            posted_at=None,
            language=detect_language(text),
        )

    @field_validator("text", mode="before")
    @classmethod
    def _clean_text(cls, value: Any, info: ValidationInfo) -> str:
        limit = (info.context or {}).get("max_chars", MAX_CHARS)
        return clean_text(value, max_chars=limit)

    @field_validator("id", mode="before")
    @classmethod
    def _id_as_text(cls, value: Any) -> Any:
        return str(value) if is_number(value, Integral) else value

    @field_validator("id", "platform", "language")
    @classmethod
    def _writable(cls, value: str) -> str:
        return _without_surrogates(value)

    @field_validator("posted_at", mode="before")
    @classmethod
    def _read_posted_at(cls, value: Any) -> datetime | None:
        return parse_time(value)

    @model_validator(mode="after")
    def _detect_language(self) -> Post:
        if not self.language:
            object.__setattr__(self, "language", detect_language(self.text))
        return self
