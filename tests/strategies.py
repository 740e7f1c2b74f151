"""What the property tests draw: texts, their disguises, counts, posts and small models."""

from __future__ import annotations

import dataclasses
import unicodedata

import numpy as np
from hypothesis import strategies as st

from postrisk.cutoffs import LADDER, Cutoffs, Step
from postrisk.model import WHOLE, Calibration, RiskModel
from postrisk.ngrams import Hashing
from postrisk.style import STYLES
from postrisk.windows import Windowing

# Folding deletes the combining iota (U+0345) as it does every mark, but upper-casing it, or
# case-folding a letter that carries it, makes it a letter of its own. Law 1 leaves these out.
IOTA_SUBSCRIPTS = frozenset(
    map(
        chr,
        [
            0x0345,
            *range(0x1F80, 0x1FB0),
            *(0x1FB2, 0x1FB3, 0x1FB4, 0x1FB7, 0x1FBC),
            *(0x1FC2, 0x1FC3, 0x1FC4, 0x1FC7, 0x1FCC),
            *(0x1FF2, 0x1FF3, 0x1FF4, 0x1FF7, 0x1FFC),
        ],
    )
)
INVISIBLES = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\x00\x07"  # zero width, controls
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # bidi
    "\ufe00\ufe0e\ufe0f\U000e0100\U000e01ef\U000e0041"  # variation selectors and tags
    "\u0300\u0301\u0336\u0337\u0489\u20dd\u20e3"  # marks, for stacking
)
LOOKALIKES = {
    "a": "аɑα𝐚ⓐ", "c": "сⅽ𝒄", "d": "ԁⅾ𝖽", "e": "е℮𝐞", "h": "һℎ𝗵", "i": "іɩⅰ𝓲", "j": "јϳ𝚓",
    "o": "оοօ𝗼", "p": "рρ𝓹", "s": "ѕꜱ𝕤", "x": "хⅹ𝔁", "y": "уγ𝔂", "b": "𝐛ⓑ", "k": "𝐤ⓚ",
    "t": "𝐭ⓣ", "u": "υ𝐮ⓤ", "0": "𝟎𝟘", "7": "𝟕７",
}  # fmt: skip
SIMPLIFIED = "谣万国门头这个们来时说话语无为东车马鱼龙"
TRADITIONAL = "謠萬國門頭這個們來時說話語無為東車馬魚龍"
EMOJI = ["😀", "💣", "🔥", "👍🏽", "👨‍👩‍👧", "🇨🇳", "❤️", "🤖", "🀄", "☠"]  # fmt: skip
WORDS = [
    "kill you", "HOAX", "soup", "Doctors hide it", "adult", "ＦＲＥＥ", "straße", "İstanbul", "ﬁne",
    "naïve", "Привет", "ΑΣ", "谣言", "謠言", "打死我也不信", "轉發微博", "カタカナ", "한국어",
    "12345", "!!!", "???", "https://a.example/x", "@ann", "#tag", "：／／",
    "ﷺ", "㍿", "①", "½", "…", "。",
]  # fmt: skip
BLANKS = [" ", "  ", "\n", "\t", "\u3000", "\u00a0", "\u2028", "\u2800"]
SURROGATES = ["\ud83d", "\ude00", "\ud800"]

_TO_TRADITIONAL = str.maketrans(SIMPLIFIED, TRADITIONAL)
_TO_SIMPLIFIED = str.maketrans(TRADITIONAL, SIMPLIFIED)
_TO_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
# Each leaves the folded text as it is.
REWRITES = {
    "upper": str.upper,
    "lower": str.lower,
    "casefold": str.casefold,
    "swapcase": str.swapcase,
    "title": str.title,
    "full width": lambda text: text.translate(_TO_FULL_WIDTH),
    "traditional": lambda text: text.translate(_TO_TRADITIONAL),
    "simplified": lambda text: text.translate(_TO_SIMPLIFIED),
    **{
        form: lambda text, form=form: unicodedata.normalize(form, text)
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    },
}

_FOREIGN = st.characters(exclude_characters=sorted(IOTA_SUBSCRIPTS))
_PIECES = st.one_of(
    st.sampled_from([*WORDS, *EMOJI, *BLANKS, *SURROGATES]),
    st.text(st.sampled_from("abcdehijkopstuxy07"), min_size=1, max_size=12),
    st.text(st.sampled_from(SIMPLIFIED + TRADITIONAL), min_size=1, max_size=6),
    st.text(st.sampled_from(INVISIBLES), min_size=1, max_size=4),
    st.text(_FOREIGN, min_size=1, max_size=3),
)


def texts(max_pieces=8):
    """Any text: mixed scripts, emoji, invisibles, broken surrogates, possibly empty."""
    return st.lists(_PIECES, max_size=max_pieces).map("".join)


@st.composite
def insertions(draw, text, fillers=INVISIBLES):
    """Put invisible characters and marks anywhere into a text."""
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        filler = draw(st.text(st.sampled_from(fillers), min_size=1, max_size=5))
        text = text[:place] + filler + text[place:]
    return text


@st.composite
def lookalikes(draw, text):
    """Replace some letters by others that look the same."""
    chosen = [
        draw(st.sampled_from([char, *LOOKALIKES[char]])) if char in LOOKALIKES else char
        for char in text
    ]
    return "".join(chosen)


@st.composite
def disguised(draw):
    """A text and the same text in disguise: one to three rewrites of all kinds."""
    text = changed = draw(texts())
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["insert", "lookalike", *REWRITES]))
        if kind == "insert":
            changed = draw(insertions(changed))
        elif kind == "lookalike":
            changed = draw(lookalikes(changed))
        else:
            changed = REWRITES[kind](changed)
    return text, changed


def counts():
    """Counts as mappings that ``Count`` takes, or None where missing."""
    known = st.fixed_dictionaries({"value": st.integers(0, 2**63 - 1), "at_least": st.booleans()})
    return st.none() | known


def reaches():
    return st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("reposts", "views", "likes", "comments"), counts())
    )


def posts():
    """Fields of valid posts."""
    plain = st.text(max_size=12)
    return st.fixed_dictionaries(
        {"text": texts().filter(lambda text: text.strip())},
        optional={
            "id": plain | st.integers(0, 10**20),
            "platform": plain,
            "reach": reaches(),
            "account": st.fixed_dictionaries(
                {"kind": st.sampled_from(["public", "private", "unknown"])},
                optional={"followers": counts(), "verified": st.none() | st.booleans()},
            ),
            "posted_at": st.none() | st.datetimes(),
        },
    )


def hashings(max_bits=10):
    orders = st.sets(st.integers(1, 8), min_size=1, max_size=5).map(lambda s: tuple(sorted(s)))
    words = st.sampled_from([(), (1,), (2,), (1, 2)])
    return st.builds(Hashing, char_orders=orders, word_orders=words, bits=st.integers(4, max_bits))


def windowings():
    widths = st.sets(st.integers(3, 20), max_size=2).map(lambda s: tuple(sorted(s)))
    return st.builds(Windowing, widths=widths, steps=st.integers(1, 3), whole=st.booleans())


def make_calibrations(seed, n_categories, languages):
    random = np.random.default_rng(seed)
    lines = [(random.uniform(0.5, 2, n_categories), random.normal(0, 1, n_categories))
             for _ in languages]  # fmt: skip
    return {name: Calibration(*line) for name, line in zip(languages, lines, strict=True)}


def make_ladder(seed=0, languages=("all", "zh"), thin=2):
    """Steps of one category; the strictest ``thin`` of them are not proven, the first unknown."""
    random = np.random.default_rng(seed)
    ladder = {}
    for language in languages:
        cuts = np.sort(random.uniform(0.2, 0.95, len(LADDER)).round(6))[::-1].tolist()
        ladder[language] = tuple(
            Step(
                ceiling=ceiling,
                cutoff=cut if index else None,
                proven=index >= thin,
                recall=round(1 - cut, 3),
            )
            for index, (ceiling, cut) in enumerate(zip(LADDER, cuts, strict=True))
        )
    return ladder


def whole_and_overall(model):
    """The same model without windows and without calibrations of languages."""
    return dataclasses.replace(model, windowing=WHOLE, calibrations={})


def make_model(seed=0, hashing=None, n_categories=4, styles=(), extreme=False):
    """A model with random weights; ``extreme`` ones are all -128 or 127."""
    random = np.random.default_rng(seed)
    hashing = hashing or Hashing(bits=8)
    shape = (hashing.buckets, n_categories)
    weights = random.choice([-128, 127], shape) if extreme else random.integers(-128, 128, shape)
    categories = tuple(f"c{index}" for index in range(n_categories))
    return RiskModel(
        name="random",
        version="1",
        categories=categories,
        hashing=hashing,
        weights=weights.astype(np.int8),
        scales=random.normal(0, 0.05, n_categories),
        biases=random.normal(-1, 1, n_categories),
        cutoffs=dict.fromkeys(categories, Cutoffs(review=0.25, flag=0.75)),
        styles=tuple(styles),
        style_weights=random.normal(0, 1, (len(styles), n_categories))
        if styles
        else np.zeros((0, 0)),
    )


@st.composite
def models(draw):
    """Small random models, with windows, languages and style features that folding leaves alone."""
    folded_styles = [name for name in STYLES if name != "capitals"]
    seed, n_categories = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 9))
    model = make_model(
        seed=seed,
        hashing=draw(hashings()),
        n_categories=n_categories,
        styles=draw(st.lists(st.sampled_from(folded_styles), unique=True, max_size=3)),
        extreme=draw(st.booleans()),
    )
    languages = draw(st.sampled_from([(), ("en",), ("en", "zh")]))
    return dataclasses.replace(
        model,
        windowing=draw(windowings()),
        calibrations=make_calibrations(seed, n_categories, languages),
        ladder={name: make_ladder(seed) for name in model.categories} if languages else {},
    )
