from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import mmap
import pickle
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk import store
from postrisk.cutoffs import Cutoffs
from postrisk.errors import ModelError
from postrisk.ngrams import Hashing
from postrisk.store import describe, find_model, load, save
from postrisk.windows import Windowing
from strategies import make_calibrations, make_ladder, make_model, models, texts

FILES = ("config.json", "weights.npy", "CARD.md")
TEXTS = ["kill you", "谣言", "see https://a.example", ""]
MODEL = dataclasses.replace(
    make_model(hashing=Hashing(bits=6), n_categories=2, styles=("links",)),
    windowing=Windowing(widths=(40, 100)),
    calibrations=make_calibrations(0, 2, ("en",)),
    ladder={"c0": make_ladder(0), "c1": make_ladder(1)},
)


def write(folder, model=MODEL):
    return save(model, folder, card="# A card\n\nWhat it is.\n", data_fingerprint="abc")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The bytes of a stored model and the scores it gives."""
    folder = tmp_path_factory.mktemp("stored") / "model"
    write(folder)
    return {name: (folder / name).read_bytes() for name in FILES}, load(folder).logits(TEXTS)


def put(folder, contents):
    folder.mkdir(exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
        if contents.get(name) is not None:
            (folder / name).write_bytes(contents[name])


def sign(contents):
    """Make all checksums right again, as one who tampers on purpose would."""
    config = json.loads(contents["config.json"])
    if isinstance(config.get("checksums"), dict):
        for name in FILES[1:]:
            config["checksums"][name] = hashlib.sha256(contents[name]).hexdigest()
    config.pop("config_checksum", None)
    canonical = json.dumps(config, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    config["config_checksum"] = hashlib.sha256(canonical.encode()).hexdigest()
    return {**contents, "config.json": json.dumps(config).encode()}


def check_refused_or_same(folder, scores):
    try:
        logits = load(folder).logits(TEXTS)
    except ModelError as error:
        assert error.path.parent == folder
        assert error.path.name in FILES
        assert error.check
        assert str(error).startswith(f"{error.path}: {error.check}: ")
    else:
        np.testing.assert_array_equal(logits, scores)


@given(models(), st.lists(texts(), max_size=5))
def test_law_7_a_loaded_model_scores_as_the_saved_one(model, batch_texts):
    with tempfile.TemporaryDirectory() as name:
        saved = write(Path(name) / "model", model)
        loaded = load(Path(name) / "model")
        again = write(Path(name) / "again", loaded)
        for file in FILES:
            assert (Path(name, "model", file)).read_bytes() == (
                Path(name, "again", file)
            ).read_bytes()
    np.testing.assert_array_equal(loaded.logits(batch_texts), model.logits(batch_texts))
    assert loaded.identity == saved.identity == again.identity != ""
    for field in (
        "name",
        "version",
        "categories",
        "hashing",
        "cutoffs",
        "styles",
        "windowing",
        "ladder",
    ):
        assert getattr(loaded, field) == getattr(model, field)
    assert list(loaded.calibrations) == list(model.calibrations)
    for language, line in model.calibrations.items():
        assert loaded.calibrations[language].slopes.tobytes() == line.slopes.tobytes()
        assert loaded.calibrations[language].intercepts.tobytes() == line.intercepts.tobytes()
    for field in ("weights", "scales", "biases", "style_weights"):
        np.testing.assert_array_equal(getattr(loaded, field), getattr(model, field))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_law_7_calibration_survives_to_the_bit(numbers):
    model = make_model(hashing=Hashing(bits=4), n_categories=2)
    object.__setattr__(model, "scales", np.array(numbers[:2]))
    object.__setattr__(model, "biases", np.array(numbers[2:]))
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), model)
        loaded = load(name)
    assert loaded.scales.tobytes() == model.scales.tobytes()
    assert loaded.biases.tobytes() == model.biases.tobytes()


def test_another_model_has_another_identity(tmp_path):
    other = MODEL.with_cutoffs({"c0": Cutoffs(review=0.3)})
    assert write(tmp_path / "a").identity == write(tmp_path / "b").identity
    assert write(tmp_path / "a").identity != write(tmp_path / "c", other).identity


@given(st.data())
def test_law_6_any_damage_to_any_file(stored, data):
    contents, scores = dict(stored[0]), stored[1]
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(FILES))
        content = contents[name] or b""
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        filler = data.draw(st.binary(min_size=1, max_size=20))
        contents[name] = data.draw(
            st.sampled_from([
                None,
                b"",
                filler,
                content[:place],
                content[place:],
                content + filler,
                content[:place] + filler + content[place:],
                content[:place] + filler + content[place + len(filler) :],
                contents[data.draw(st.sampled_from(FILES))],
            ])
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        put(Path(name), contents)
        check_refused_or_same(Path(name), scores)


@pytest.mark.parametrize("name", FILES)
def test_law_6_every_byte_flipped(stored, tmp_path, name):
    contents, scores = stored
    for place in range(len(contents[name])):
        for mask in (0x01, 0x20, 0x80):
            damaged = bytearray(contents[name])
            damaged[place] ^= mask
            put(tmp_path, {**contents, name: bytes(damaged)})
            check_refused_or_same(tmp_path, scores)


@pytest.mark.parametrize("name", FILES)
def test_law_6_every_truncation(stored, tmp_path, name):
    contents, _ = stored
    for length in range(len(contents[name]) - 1):
        put(tmp_path, {**contents, name: contents[name][:length]})
        with pytest.raises(ModelError):
            load(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_law_6_a_file_is_absent_or_a_folder(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match="readable") as caught:
        load(folder)
    assert caught.value.path == folder / name
    (folder / name).mkdir()
    with pytest.raises(ModelError, match="readable"):
        load(folder)


def test_law_6_swapped_weights_of_two_models(folder, tmp_path):
    write(tmp_path / "other", make_model(seed=1, hashing=Hashing(bits=6), n_categories=2))
    shutil.copy(tmp_path / "other" / "weights.npy", folder / "weights.npy")
    with pytest.raises(ModelError, match=r"weights\.npy: checksum"):
        load(folder)


def test_law_6_signed_weights_with_every_byte_flipped(stored, tmp_path):
    """Right checksums over damaged weights: refused, or other weights, and nothing else."""
    contents, _ = stored
    refused = 0
    for place in range(len(contents["weights.npy"])):
        for mask in (0x01, 0xFF):
            damaged = bytearray(contents["weights.npy"])
            damaged[place] ^= mask
            put(tmp_path, sign({**contents, "weights.npy": bytes(damaged)}))
            try:
                assert load(tmp_path).weights.shape == (64, 2)
            except ModelError as error:
                refused += 1
                assert error.path == tmp_path / "weights.npy"
    assert refused == 2 * 128


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
        st.sampled_from(["6", 1e400, 10**400, "\ud800", "links", [], {}]),
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@given(st.data(), JSON_VALUES)
def test_law_6_signed_configs_with_wrong_values(stored, data, value):
    contents, _ = stored
    config = json.loads(contents["config.json"])
    place = config
    while True:
        key = data.draw(st.sampled_from(list(place)))
        if not (isinstance(place[key], dict) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place[key] = value
    else:
        del place[key]
    edited = {**contents, "config.json": json.dumps(config).encode()}
    with tempfile.TemporaryDirectory() as name:
        put(Path(name), sign(edited))
        try:
            load(name).predict_proba(TEXTS)
        except ModelError as error:
            assert error.path.parent == Path(name)
        put(Path(name), edited)
        check_refused_or_same(Path(name), stored[1])


def edited_config(contents, change):
    config = json.loads(contents["config.json"])
    change(config)
    return sign({**contents, "config.json": json.dumps(config).encode()})


def nested_cutoffs(depth):
    cut = {"review": 0.5, "flag": None, "review_only": False, "reason": "", "languages": {}}
    for _ in range(depth):
        cut = {**cut, "languages": {"zh": cut}}
    return {"zh": cut}


def set_at(*path, value):
    def change(config):
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (set_at("format_version", value=1), "format version"),
        (set_at("folding_version", value=99), "folding version"),
        (set_at("folding_version", value="one"), "fields"),
        (set_at("name", value=""), "fields"),
        (set_at("name", value=5), "fields"),
        (set_at("name", value="\ud800"), "fields"),
        (set_at("categories", value=[]), "fields"),
        (set_at("categories", value="c0"), "fields"),
        (set_at("categories", value=["c0"]), "categories"),
        (set_at("categories", value=["c0", "other"]), "categories"),
        (set_at("categories", value=["c0", "c0"]), "categories"),
        (set_at("cutoffs", value={}), "categories"),
        (set_at("cutoffs", "c0", "review", value=2), "fields"),
        (set_at("cutoffs", "c0", "review", value=float("nan")), "fields"),
        (set_at("cutoffs", "c0", "flag", value=0.01), "fields"),
        (set_at("calibration", "biases", value=[0.0]), "categories"),
        (set_at("calibration", "biases", value=[float("nan"), 0.0]), "fields"),
        (set_at("calibration", "scales", value=[float("inf"), 0.0]), "fields"),
        (set_at("calibration", "scales", value=[10**400, 0.0]), "fields"),
        (set_at("calibration", "method", value="magic"), "fields"),
        (set_at("calibration", "languages", value=None), "fields"),
        (set_at("calibration", "languages", "en", "slopes", value=[1.0]), "categories"),
        (set_at("calibration", "languages", "en", "intercepts", value=[]), "categories"),
        (set_at("calibration", "languages", "en", "slopes", value=[0.0, 1.0]), "fields"),
        (set_at("calibration", "languages", "en", "slopes", value=[-1.0, 1.0]), "fields"),
        (set_at("calibration", "languages", "en", "slopes", value=[float("inf")] * 2), "fields"),
        (set_at("calibration", "languages", "en", "intercepts", value=["x", 0.0]), "fields"),
        (set_at("calibration", "languages", "und", value={}), "fields"),
        (set_at("ladder", "c0", value={}), "ladder"),
        (set_at("ladder", value={"c0": {"all": []}}), "fields"),
        (set_at("ladder", "other", value={}), "categories"),
        (set_at("ladder", "c0", "fr", value=[]), "fields"),
        (set_at("ladder", "c0", "zh", 3, "cutoff", value=2), "fields"),
        (set_at("ladder", "c0", "zh", 3, "cutoff", value=0.01), "fields"),
        (set_at("ladder", "c0", "zh", 3, "cutoff", value=None), "fields"),
        (set_at("ladder", "c0", "zh", 3, "ceiling", value=0.3), "fields"),
        (set_at("ladder", "c0", "zh", 3, "ceiling", value=0), "fields"),
        (set_at("ladder", "c0", "zh", 3, "recall", value=float("nan")), "fields"),
        (set_at("ladder", "c0", "zh", 3, "proven", value="maybe"), "fields"),
        (set_at("cutoffs", "c0", "review_only", value=True), "fields"),
        (set_at("cutoffs", "c0", "reason", value="because"), "fields"),
        (set_at("windowing", "widths", value=[9, 5]), "fields"),
        (set_at("windowing", "widths", value=[0]), "fields"),
        (set_at("windowing", "steps", value=0), "fields"),
        (set_at("windowing", value={"stride": 5}), "fields"),
        (set_at("hashing", "bits", value=7), "weights"),
        (set_at("hashing", "bits", value=24), "weights"),
        (set_at("hashing", "bits", value=60), "fields"),
        (set_at("hashing", "char_orders", value=[3, 2]), "fields"),
        (set_at("hashing", "bits", value="6"), "fields"),
        (set_at("hashing", "bits", value=True), "fields"),
        (set_at("hashing", "bits", value=5), "size"),
        (set_at("styles", value=[]), "style_weights"),
        (set_at("styles", value=["author"]), "fields"),
        (set_at("styles", value=["links", "emoji"]), "style_weights"),
        (set_at("style_weights", value=[]), "style_weights"),
        (set_at("style_weights", value=[[0.5]]), "style_weights"),
        (set_at("style_weights", 0, 1, value=float("nan")), "fields"),
        (set_at("style_weights", 0, 1, value="0.5"), "fields"),
        (set_at("cutoffs", "c0", "languages", value={"zh": {}}), "fields"),
        (set_at("cutoffs", "c0", "languages", value=nested_cutoffs(300)), "fields"),
        (set_at("extra", value=1), "fields"),
    ],
)
def test_law_6_signed_edits_name_the_check(stored, tmp_path, change, check):
    put(tmp_path, edited_config(stored[0], change))
    with pytest.raises(ModelError) as caught:
        load(tmp_path)
    assert caught.value.check == check


@pytest.mark.parametrize(
    ("content", "check"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "JSON"),
        (b"null", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"format_version": ' + b"9" * 5000 + b"}", "JSON"),
        (b"{}", "format version"),
        (b'{"format_version": [[[[1]]]]}', "format version"),
        (b'{"format_version": 2}', "format version"),
        (b'{"format_version": 3}', "checksum"),
        (b'{"format_version": 3, "x": ' + b"[" * 900 + b"]" * 900 + b"}", "checksum"),
        (b" " * (1 << 20) + b"{}", "size"),
    ],
)
def test_law_6_other_files_in_place_of_the_config(folder, content, check):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert caught.value.path == folder / "config.json"
    assert caught.value.check == check


def as_npy(array, version=(1, 0)):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version, allow_pickle=True)
    return buffer.getvalue()


def as_zip(array):
    buffer = io.BytesIO()
    np.savez(buffer, weights=array)
    return buffer.getvalue()


RAN = []


def record(event):
    RAN.append(event)


class Runs:
    def __reduce__(self):
        return record, ("a pickle ran",)


def test_the_bait_works():
    pickle.loads(pickle.dumps(Runs()))  # noqa: S301
    assert RAN == ["a pickle ran"]
    RAN.clear()


GOOD = as_npy(MODEL.weights)
BAD_ARRAYS = {
    "nothing": b"",
    "no array": b"weights",
    "a pickle": pickle.dumps(Runs()),
    "a header alone": GOOD[:128],
    "one byte short": GOOD[:-1],
    "one byte more": GOOD + b"x",
    "many more": GOOD + bytes(50_000_000),
    "a zip": as_zip(MODEL.weights),
    "a bad header": GOOD.replace(b"descr", b"DESCR"),
    "a huge shape": GOOD.replace(b"(64, 2), }   ", b"(10**99,2), }"),
    "a false shape": GOOD.replace(b"(64, 2)", b"(65, 2)"),
    "a header that runs": GOOD.replace(b"(64, 2)", b"exit() "),
    "a later version": as_npy(MODEL.weights, version=(2, 0)),
    "objects": as_npy(np.array([Runs()], dtype=object)),
    "other whole numbers": as_npy(MODEL.weights.astype(np.uint8)),
    "wider numbers": as_npy(MODEL.weights[::2].astype(np.int16)),
    "other numbers": as_npy(MODEL.weights.astype(np.float64)),
    "records": as_npy(MODEL.weights.view([("a", np.int8), ("b", np.int8)])),
    "turned": as_npy(MODEL.weights.T.copy()),
    "column by column": as_npy(np.asfortranarray(MODEL.weights)),
    "one row": as_npy(MODEL.weights.reshape(-1)),
    "one axis more": as_npy(MODEL.weights[np.newaxis]),
}  # fmt: skip


@pytest.mark.parametrize("array", BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys())
def test_law_6_signed_weights_that_are_something_else(stored, tmp_path, array):
    put(tmp_path, sign({**stored[0], "weights.npy": array}))
    with pytest.raises(ModelError) as caught:
        load(tmp_path)
    assert caught.value.path == tmp_path / "weights.npy"
    assert caught.value.check in {"size", "weights"}
    assert RAN == []


def test_weights_are_what_numpy_writes_and_reads(folder, stored):
    assert stored[0]["weights.npy"] == GOOD
    read = np.load(folder / "weights.npy", allow_pickle=False)
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, MODEL.weights)


@given(models())
def test_any_weights_are_what_numpy_writes(model):
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), model)
        assert Path(name, "weights.npy").read_bytes() == as_npy(model.weights)


def test_a_larger_file_is_not_read(stored, tmp_path, monkeypatch):
    put(tmp_path, sign({**stored[0], "weights.npy": BAD_ARRAYS["many more"]}))
    monkeypatch.setattr(store.mmap, "mmap", lambda *_, **__: pytest.fail("it was mapped"))
    with pytest.raises(ModelError, match=r"weights\.npy: size: found 50,000,256 bytes, expected"):
        load(tmp_path)


def test_weights_are_mapped_and_cannot_be_written(folder):
    weights = load(folder).weights
    assert type(weights) is np.ndarray
    assert not weights.flags.writeable
    base = weights
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(memoryview(base).obj, mmap.mmap)
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1


def test_a_loaded_model_outlives_its_folder(folder, stored):
    loaded = load(folder)
    write(folder, make_model(seed=5, hashing=Hashing(bits=6), n_categories=2, styles=("links",)))
    assert load(folder).identity != loaded.identity
    np.testing.assert_array_equal(loaded.logits(TEXTS), stored[1])
    write(folder, loaded)
    assert load(folder).identity == loaded.identity
    again = pickle.loads(pickle.dumps(load(folder)))  # noqa: S301
    for name in FILES:
        (folder / name).unlink()
    np.testing.assert_array_equal(loaded.logits(TEXTS), stored[1])
    np.testing.assert_array_equal(again.logits(TEXTS), stored[1])


def test_links_are_followed(folder, tmp_path, stored):
    for name in FILES:
        (tmp_path / name).symlink_to(folder / name)
    np.testing.assert_array_equal(load(tmp_path).logits(TEXTS), stored[1])
    (folder / "weights.npy").unlink()
    with pytest.raises(ModelError, match=r"weights\.npy: readable"):
        load(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["nowhere", "no/where", "", "..", "a\0b", "x/a\0b", "a" * 5000, "x/" + "a" * 5000, "\ud800"],
    ids=lambda name: ascii(name[:10]),
)
def test_law_6_no_such_model(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        load(name)


def test_a_file_is_no_model(folder):
    with pytest.raises(ModelError, match="readable"):
        load(folder / "CARD.md")


def test_saving_replaces_and_keeps_other_files(folder):
    (folder / "notes.txt").write_text("mine")
    write(folder, make_model(seed=5, hashing=Hashing(bits=5), n_categories=3))
    assert load(folder).categories == ("c0", "c1", "c2")
    assert (folder / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "notes.txt"])


def test_the_stored_files_are_plain(stored):
    contents, _ = stored
    config = json.loads(contents["config.json"])
    assert list(contents) == list(FILES)
    assert config["format_version"] == 3
    assert config["data_fingerprint"] == "abc"
    assert contents["config.json"].endswith(b"}\n")
    assert b"\r" not in contents["config.json"]
    assert len(contents["weights.npy"]) == 128 + MODEL.weights.size


def test_describing(folder):
    described = describe(folder)
    assert described["model"] == "random 1"
    assert described["categories"] == ["c0", "c1"]
    assert described["card"] == "What it is."
    assert described["style_features"] == ["links"]
    assert described["bytes"] == sum((folder / name).stat().st_size for name in FILES)
    assert described["cutoffs"]["c0"] == "review from 0.250, flag from 0.750"
    assert described["identity"] == load(folder).identity
    steps = described["ceilings"]["c0 (all)"].split("; ")
    assert len(steps) == 8
    assert steps[0] == "0.1%: unknown"
    assert steps[1].startswith("0.2%: from 0.")
    assert steps[1].endswith("%, not proven")
    assert steps[2].startswith("0.5%: from 0.")


def test_describing_what_is_never_flagged(tmp_path):
    model = MODEL.with_ceilings(review=0.05, flag=0.001)
    model = model.with_review_only("c1", "AUC below .70 on unseen sources", "zh")
    write(tmp_path / "model", model)
    cutoffs = describe(tmp_path / "model")["cutoffs"]
    assert cutoffs["c0"].endswith(", never flagged: too few held-out safe posts")
    assert cutoffs["c1"].endswith(", never flagged: too few held-out safe posts")
    assert cutoffs["c1 (zh)"].endswith(", never flagged: AUC below .70 on unseen sources")
    assert load(tmp_path / "model").cutoffs == model.cutoffs


def test_describing_a_card_that_is_no_text(stored, tmp_path):
    put(tmp_path, sign({**stored[0], "CARD.md": b"\xff\xfe"}))
    load(tmp_path)
    with pytest.raises(ModelError, match=r"CARD\.md: UTF-8"):
        describe(tmp_path)


def test_models_are_found_by_path_before_name(folder, monkeypatch):
    assert find_model(folder) == find_model(str(folder)) == folder
    monkeypatch.chdir(folder.parent)
    assert find_model("model") == Path("model")


def test_loading_gives_no_warning(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(folder)
