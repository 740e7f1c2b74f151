"""Ways in which people rewrite a post so that a filter misses it, each the same on every run.

An invariant perturbation is one that folding undoes: it cannot change a score. The others
change the text that the model reads. The tables are authored (``disguises.toml``) or follow
from the folding table; they are for testing alone.
"""

from __future__ import annotations

import math
import re
import tomllib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

from postrisk.errors import InputError
from postrisk.folding import fold_batch

SHARE = 0.3
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_BIDI = (("\u202e", "\u202c"), ("\u202d", "\u202c"), ("\u2067", "\u2069"), ("\u2066", "\u2069"))
_MARKS = ("\ufe0f", "\ufe0e", "\u0336", "\u0301\u0323", "\u035c\u0332\u0307")
_LEET = {
    "a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$",
    "t": "7+", "z": "2",
}  # fmt: skip
_LEET |= {letter.upper(): signs for letter, signs in _LEET.items()}
_SIGNS = ".-_*/|"
_LATIN_WORD = re.compile(r"[A-Za-z]{4,}")
_HAN_RUN = re.compile(r"[\u4e00-\u9fff]{2,}")
_HAN_STEP = 3
_LOOKALIKE_BLOCKS = (*range(0x370, 0x400), *range(0x400, 0x530))
_CYRILLIC = 0x400
_FIRST_HAN, _LAST_HAN = 0x4E00, 0x9FFF

Rewrite = Callable[[str, float, Random], str]
Choice = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A named way of rewriting a text; calling it rewrites one.

    Attributes
    ----------
    name : str
    invariant : bool
        Folding undoes it, so that no score can change.
    about : str
        What it does, in a few words.

    Examples
    --------
    >>> leet = PERTURBATIONS["leet"]
    >>> leet("tell the others", share=1.0) == leet("tell the others", share=1.0)
    True
    >>> leet("你好")
    '你好'
    """

    name: str
    invariant: bool
    about: str
    rewrite: Rewrite

    def __call__(self, text: str, share: float = SHARE) -> str:
        """Rewrite a share of the characters or words that it applies to, at least one.

        The choice depends on the text and the perturbation alone. A text to which it does not
        apply comes back as it is.

        Raises
        ------
        InputError
            When the share is not above 0 and at most 1.
        """
        if not 0 < share <= 1:
            raise InputError(f"share: found {share}, expected more than 0 and at most 1")
        key = f"{self.name}\0{text}".encode("utf-8", "surrogatepass")
        return self.rewrite(text, share, Random(zlib.crc32(key)))  # noqa: S311 - not for secrets


@cache
def _disguises() -> dict[str, dict[str, str]]:
    text = (files("postrisk") / "disguises.toml").read_text("utf-8")
    return tomllib.loads(text)


def _folded(characters: Iterable[str]) -> dict[str, str]:
    """Fold characters one by one."""
    unique = sorted(set(characters))
    batch = fold_batch(unique)
    return {char: batch.text(index) for index, char in enumerate(unique)}


def _is_han(char: str) -> bool:
    return _FIRST_HAN <= ord(char) <= _LAST_HAN


def _is_letter(char: str) -> bool:
    return (char.isascii() and char.isalpha()) or _is_han(char)


def _chosen(places: Sequence[int], share: float, random: Random) -> set[int]:
    count = min(len(places), max(1, math.ceil(share * len(places))))
    return set(random.sample(places, count)) if places else set()


def _substitute(choices: Choice, text: str, share: float, random: Random) -> str:
    """Replace some of the characters that have other forms."""
    places = [index for index, char in enumerate(text) if char in choices]
    chosen = _chosen(places, share, random)
    return "".join(
        random.choice(choices[char]) if index in chosen else char for index, char in enumerate(text)
    )


def _insert_after(
    text: str, places: Sequence[int], fillers: Sequence[str], share: float, random: Random
) -> str:
    """Insert one of the fillers after some of the places."""
    chosen = _chosen(places, share, random)
    return "".join(
        char + random.choice(fillers) if index in chosen else char
        for index, char in enumerate(text)
    )


def _invisible(text: str, share: float, random: Random) -> str:
    return _insert_after(text, range(len(text)), _INVISIBLE, share, random)


def _marks(text: str, share: float, random: Random) -> str:
    return _insert_after(text, range(len(text)), _MARKS, share, random)


def _bidi(text: str, share: float, random: Random) -> str:
    chosen = _chosen(range(len(text)), share, random)
    pairs = [random.choice(_BIDI) if index in chosen else ("", "") for index in range(len(text))]
    return "".join(f"{a}{char}{b}" for char, (a, b) in zip(text, pairs, strict=True))


@cache
def _lookalikes() -> Choice:
    """Give the Greek and Cyrillic letters that fold to a Latin one.

    Capital Greek letters are left out: they fold as their small forms do, whatever they look
    like.
    """
    found: dict[str, str] = {}
    for other, letter in _folded(map(chr, _LOOKALIKE_BLOCKS)).items():
        if letter.isascii() and letter.isalpha() and len(letter) == 1:
            if other.islower():
                found[letter] = found.get(letter, "") + other
            elif other.isupper() and ord(other) >= _CYRILLIC:
                found[letter.upper()] = found.get(letter.upper(), "") + other
    return found


@cache
def _variants() -> tuple[Choice, Choice]:
    """Give the traditional forms of simplified characters, and the other way."""
    traditional: dict[str, str] = {}
    simplified: dict[str, str] = {}
    for char, folded in _folded(map(chr, range(_FIRST_HAN, _LAST_HAN + 1))).items():
        if char != folded and len(folded) == 1 and _is_han(folded):
            traditional[folded] = traditional.get(folded, "") + char
            simplified[char] = folded
    return traditional, simplified


def _stretched(text: str, share: float, random: Random) -> str:
    folded = _folded(text)
    # Digits keep their runs, and a character that folds to several makes no run of its own.
    places = [
        index
        for index, char in enumerate(text)
        if index and char == text[index - 1]
        and len(folded[char]) == 1 and not folded[char].isdigit() and not char.isspace()
    ]  # fmt: skip
    chosen = _chosen(places, share, random)
    return "".join(
        char * (1 + random.randint(1, 4)) if index in chosen else char
        for index, char in enumerate(text)
    )


def _repeated(text: str, share: float, random: Random) -> str:
    padded = ["", *map(str.lower, text), ""]
    places = [
        index
        for index, char in enumerate(text)
        if _is_letter(char) and padded[index + 1] not in {padded[index], padded[index + 2]}
    ]
    chosen = _chosen(places, share, random)
    return "".join(
        char * (1 + random.randint(1, 3)) if index in chosen else char
        for index, char in enumerate(text)
    )


def _gaps(text: str) -> list[int]:
    return [
        index
        for index in range(len(text) - 1)
        if _is_letter(text[index]) and _is_letter(text[index + 1])
    ]


def _spaced(text: str, share: float, random: Random) -> str:
    return _insert_after(text, _gaps(text), " ", share, random)


def _punctuated(text: str, share: float, random: Random) -> str:
    return _insert_after(text, _gaps(text), _SIGNS, share, random)


def _swaps(text: str, random: Random) -> list[int]:
    """Find where a neighbour could slip in: one place a word, and every third Han character."""
    places = []
    for word in _LATIN_WORD.finditer(text):
        inner = [i for i in range(word.start() + 1, word.end() - 2) if text[i] != text[i + 1]]
        places += [random.choice(inner)] if inner else []
    for run in _HAN_RUN.finditer(text):
        steps = range(run.start(), run.end() - 1, _HAN_STEP)
        places += [i for i in steps if text[i] != text[i + 1]]
    return places


def _typos(text: str, share: float, random: Random) -> str:
    characters = list(text)
    for index in _chosen(_swaps(text, random), share, random):
        characters[index : index + 2] = text[index + 1], text[index]
    return "".join(characters)


@cache
def _homophones() -> Choice:
    found: dict[str, str] = {}
    for group in _disguises()["homophones"].values():
        for char in group if len(group) > 1 else "":
            found.setdefault(char, group.replace(char, ""))
    return found


@cache
def _initials() -> Choice:
    found: dict[str, str] = {}
    for syllable, group in _disguises()["homophones"].items():
        for char in group:
            found.setdefault(char, syllable[0])
    return found


@cache
def _parts() -> Choice:
    return {char: [parts] for char, parts in _disguises()["parts"].items()}


@cache
def _emoji_words() -> re.Pattern[str]:
    words = sorted(_disguises()["emoji"], key=len, reverse=True)
    latin = "|".join(word for word in words if word.isascii())
    han = "|".join(word for word in words if not word.isascii())
    return re.compile(rf"(?<![a-z])(?:{latin})(?![a-z])|{han}", re.IGNORECASE)


def _emoji(text: str, share: float, random: Random) -> str:
    found = list(_emoji_words().finditer(text))
    chosen = _chosen(range(len(found)), share, random)
    pieces, end = [], 0
    for index, match in enumerate(found):
        if index in chosen:
            pieces += [text[end : match.start()], _disguises()["emoji"][match[0].lower()]]
            end = match.end()
    return "".join([*pieces, text[end:]])


_FULL_WIDTH = {" ": "\u3000", **{chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}}
_CASE = {char: char.swapcase() for char in map(chr, range(0x80)) if char.isalpha()}


def _by(choices: Callable[[], Choice]) -> Rewrite:
    return lambda text, share, random: _substitute(choices(), text, share, random)


_INVARIANT: dict[str, tuple[str, Rewrite]] = {
    "invisible": ("zero-width characters inside words", _invisible),
    "bidi": ("controls that turn the direction of writing", _bidi),
    "homoglyphs": ("Greek and Cyrillic letters that look Latin", _by(_lookalikes)),
    "full width": ("ｆｕｌｌ-ｗｉｄｔｈ forms", _by(lambda: _FULL_WIDTH)),
    "case": ("cAPitALs", _by(lambda: _CASE)),
    "traditional": ("simplified to traditional characters", _by(lambda: _variants()[0])),
    "simplified": ("traditional to simplified characters", _by(lambda: _variants()[1])),
    "marks": ("variation selectors and stacked marks", _marks),
    "stretched": ("doubled letters drawn out: killll", _stretched),
}
_CHANGING: dict[str, tuple[str, Rewrite]] = {
    "leet": ("digits and signs for letters: k1ll", _by(lambda: _LEET)),
    "spaces": ("blanks inside words", _spaced),
    "punctuation": ("signs inside words: k.ill, 杀*人", _punctuated),
    "repeated": ("single letters repeated: kiill", _repeated),
    "typos": ("neighbours swapped: klil", _typos),
    "homophones": ("Chinese characters of the same sound", _by(_homophones)),
    "split": ("Chinese characters in parts: 女子 for 好", _by(_parts)),
    "emoji": ("emoji for words", _emoji),
    "initials": ("pinyin initials for Chinese characters", _by(_initials)),
}

PERTURBATIONS: dict[str, Perturbation] = {
    name: Perturbation(name, invariant, about, rewrite)
    for invariant, group in ((True, _INVARIANT), (False, _CHANGING))
    for name, (about, rewrite) in group.items()
}
