"""Downloads: they go on where they stopped, and only right bytes get a file's name."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postrisk.datafiles import State, fetch, state, states
from postrisk.datareport import check, fetch_all
from postrisk.errors import DataError
from postrisk.registry import Card, cards

BODY = bytes(range(256)) * 1000


class Handler(BaseHTTPRequestHandler):
    """Serves ``server.files``; honours Range unless told not to; may break off."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start, asked = 0, self.headers.get("Range")
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        rest = body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.break_off])
        if self.server.break_off is not None and self.server.break_off < len(rest):
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing of a client that stopped reading."""


@pytest.fixture(scope="module")
def running():
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server(running):
    running.files = {"/a/data.bin": BODY, "/a/dir/%E6%96%87.txt": b"soup"}
    running.asked, running.ranges, running.break_off = [], True, None
    return running


def card_of(server, files, **upstream):
    """A card whose files are as given; those it does not describe rightly too."""
    [template] = [card for card in cards() if card.name == "edos"]
    values = template.model_dump()
    values["name"], values["folder"] = "a-set", "en/a_set"
    values["files"] = [
        {"path": path, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for path, body in files.items()
    ]
    port = server.server_address[1]
    values["upstream"] = {**values["upstream"], "url": f"http://127.0.0.1:{port}/a/{{path}}",
                          **upstream}  # fmt: skip
    return Card.model_validate(values)


@pytest.fixture
def card(server):
    return card_of(server, {"data.bin": BODY})


def place(card, root):
    return root / card.folder / card.files[0].path


def part_of(card, root):
    path = place(card, root)
    return path.with_name(f"{path.name}.part")


def test_a_file_is_downloaded_and_then_left_alone(card, server, tmp_path):
    seen = []
    assert fetch(card, card.files[0], tmp_path, seen.append)
    assert place(card, tmp_path).read_bytes() == BODY
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, len(BODY))
    assert not fetch(card, card.files[0], tmp_path)
    assert len(server.asked) == 1
    assert [path.name for path in tmp_path.rglob("*.part")] == []


def test_names_are_quoted(server, tmp_path):
    card = card_of(server, {"dir/文.txt": b"soup"})
    fetch(card, card.files[0], tmp_path)
    assert place(card, tmp_path).read_bytes() == b"soup"


def test_an_interrupted_download_goes_on(card, server, tmp_path):
    server.break_off = 100_000
    with pytest.raises(DataError, match="stopped at 100,000 of 256,000 bytes; run it again"):
        fetch(card, card.files[0], tmp_path)
    assert part_of(card, tmp_path).stat().st_size == 100_000
    assert not place(card, tmp_path).exists()
    server.break_off = None
    seen = []
    assert fetch(card, card.files[0], tmp_path, seen.append)
    assert server.asked[-1] == ("/a/data.bin", "bytes=100000-")
    assert seen[0] == 100_000
    assert place(card, tmp_path).read_bytes() == BODY


@given(st.integers(0, len(BODY) + 10))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_it_goes_on_from_anywhere(card, server, tmp_path_factory, start):
    for server.ranges in (True, False):
        root = tmp_path_factory.mktemp("part")
        place(card, root).parent.mkdir(parents=True)
        part_of(card, root).write_bytes((BODY + b"0123456789")[:start])
        assert fetch(card, card.files[0], root)
        assert place(card, root).read_bytes() == BODY


def test_a_wrong_checksum_keeps_nothing(card, server, tmp_path):
    server.files["/a/data.bin"] = b"x" * len(BODY)
    with pytest.raises(DataError, match="found SHA-256 .*; nothing kept"):
        fetch(card, card.files[0], tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_wrong_start_is_found_out_and_the_next_try_begins_anew(card, server, tmp_path):
    place(card, tmp_path).parent.mkdir(parents=True)
    part_of(card, tmp_path).write_bytes(b"x" * 1000)
    with pytest.raises(DataError, match="nothing kept"):
        fetch(card, card.files[0], tmp_path)
    assert fetch(card, card.files[0], tmp_path)


def test_a_longer_file_is_not_taken_whole(card, server, tmp_path):
    server.files["/a/data.bin"] = BODY * 40
    seen = []
    with pytest.raises(DataError, match="nothing kept"):
        fetch(card, card.files[0], tmp_path, seen.append)
    assert max(seen) == len(BODY) + 1


def test_a_file_that_became_shorter_begins_anew(card, server, tmp_path):
    place(card, tmp_path).parent.mkdir(parents=True)
    part_of(card, tmp_path).write_bytes(BODY[:1000])
    server.files["/a/data.bin"] = BODY[:500]
    with pytest.raises(DataError, match="HTTP 416"):
        fetch(card, card.files[0], tmp_path)
    assert not part_of(card, tmp_path).exists()
    with pytest.raises(DataError, match="stopped at 500 of 256,000"):
        fetch(card, card.files[0], tmp_path)


def test_an_absent_file_says_so(card, server, tmp_path):
    server.files.clear()
    with pytest.raises(DataError, match="HTTP 404 Not Found"):
        fetch(card, card.files[0], tmp_path)
    assert not part_of(card, tmp_path).exists()


def test_a_changed_file_is_replaced_only_by_a_right_one(card, server, tmp_path):
    place(card, tmp_path).parent.mkdir(parents=True)
    place(card, tmp_path).write_bytes(b"mine")
    assert state(place(card, tmp_path), card.files[0]) is State.CHANGED
    server.files.clear()
    with pytest.raises(DataError):
        fetch(card, card.files[0], tmp_path)
    assert place(card, tmp_path).read_bytes() == b"mine"
    server.files["/a/data.bin"] = BODY
    assert fetch(card, card.files[0], tmp_path)
    assert states(card, tmp_path) == {"data.bin": State.RIGHT}


def test_nobody_answers(server, tmp_path):
    card = card_of(server, {"data.bin": BODY}, url="http://127.0.0.1:1/{path}")
    with pytest.raises(DataError, match="refused.*run it again to go on"):
        fetch(card, card.files[0], tmp_path)


def test_a_folder_that_is_a_file(card, tmp_path):
    (tmp_path / "en").write_text("")
    with pytest.raises(DataError, match=r"en"):
        fetch(card, card.files[0], tmp_path)


def test_repacked_files_are_refused(server, tmp_path):
    for upstream in ({"repacked": "gzipped here"}, {"url": ""}):
        card = card_of(server, {"data.bin": BODY}, **upstream)
        with pytest.raises(DataError, match="repacked from|no address"):
            fetch(card, card.files[0], tmp_path)
    assert server.asked == []


@contextmanager
def no_bar(_name, _size):
    yield lambda _: None


def test_many_sets_one_line_each(server, tmp_path):
    good = card_of(server, {"data.bin": BODY, "none.bin": b"x"})
    packed = card_of(server, {"a": b"1", "b": b"2"}, repacked="gzipped here")
    lines = []
    outcomes = fetch_all([good, packed], tmp_path, no_bar, lines.append)
    assert (outcomes.fetched, outcomes.there, outcomes.refused, outcomes.failed) == (1, 0, 2, 1)
    assert len(lines) == 3
    assert "HTTP 404" in lines[0]
    assert lines[1].endswith("(gzipped here)")
    again = fetch_all([good], tmp_path, no_bar, lines.append)
    assert (again.fetched, again.there) == (0, 1)


def test_a_set_that_does_not_load_says_why(card, tmp_path):
    assert check(card, tmp_path).files == {"data.bin": State.ABSENT}
    place(card, tmp_path).parent.mkdir(parents=True)
    place(card, tmp_path).write_bytes(BODY)
    found = check(card, tmp_path)
    assert found.problem.startswith("FileNotFoundError")
    assert not found.right
    assert found.rows is None
