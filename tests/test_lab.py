"""The teaching page and its server."""

import json
import math
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from html.parser import HTMLParser

import pytest

from lab_spark_helpers import tiny_model
from postrisk import store
from postrisk.errors import InputError
from postrisk.lab import LabServer
from postrisk.lab import server as lab_server
from postrisk.post import Post
from postrisk.scorer import Scorer

POST = {"text": "Doctors hide it: an onion cures the flu!!", "reach": {"reposts": "612"}}
# An empty handler for proxies keeps a test on this machine whatever the environment says.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def scorer():
    return Scorer(tiny_model())


@pytest.fixture(scope="module")
def lab(scorer):
    with running(LabServer(scorer)) as server:
        yield server


def request(lab, path="/assess", body=None, *, method="POST", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(  # noqa: S310 - loopback
        lab.url.rstrip("/") + path,
        data if method == "POST" else None,
        sent,
        method=method,
    )
    try:
        with closing(OPENER.open(asked, timeout=20)) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with closing(error):
            return error.code, error.headers, error.read()


def ask(lab, body, **headers):
    status, _, content = request(lab, body=body, **headers)
    return status, json.loads(content)


def test_assess_says_what_the_scorer_says(lab, scorer):
    post = Post.model_validate(POST)
    status, answer = ask(lab, POST)
    assert status == 200
    assert answer["assessment"] == scorer.score_one(post).to_dict()
    assert answer["explanations"] == {k: v.to_dict() for k, v in scorer.explain(post).items()}
    assert answer["assessment"]["reach"]["not_assessed"]
    assert answer["rule"]["title"] == scorer.rulebook.title
    for name, found in answer["explanations"].items():
        parts = found["bias"] + sum(found["characters"]) + sum(found["named"].values())
        assert parts == pytest.approx(found["logit"], abs=1e-9)
        assert set(answer["cutoffs"][name]) == {"review", "flag"}


@pytest.mark.parametrize("text", ["打死你 \U0001f600 𠀀", "a\u200bb\x00c", "\ud83d\ude00 \ud800!"])
def test_characters_are_code_points_of_the_text_that_comes_back(lab, text):
    status, answer = ask(lab, {"text": text})
    assert status == 200
    for found in answer["explanations"].values():
        assert len(found["characters"]) == len(answer["text"])
        for span in found["spans"]:
            assert answer["text"][span["start"] : span["end"]] == span["text"]


def test_reach_is_read_as_platforms_write_it(lab):
    _, met = ask(lab, POST | {"reach": {"views": "1万+"}})
    _, unknown = ask(lab, POST | {"reach": {"reposts": "", "views": "4999"}})
    assert met["assessment"]["reach"]["outcome"] == "met"
    assert unknown["assessment"]["reach"]["outcome"] == "unknown"
    assert met["assessment"]["scores"] == unknown["assessment"]["scores"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "  "}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x" * (lab_server.LAB_CHARS + 1)}, "text"),
        ({"text": "hello", "reach": {"reposts": "many"}}, "reach.reposts"),
        ({"text": "hello", "reach": {"views": 10**400}}, "reach.views"),
        ({"text": "hello", "posted_at": math.inf}, "posted_at"),
        ({"text": "hello", "author": "ann"}, "author"),
        ([], "post"),
        (None, "post"),
        (b"{", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(lab, body, field):
    status, answer = ask(lab, body)
    assert (status, answer["field"]) == (400, field)
    assert answer["error"].startswith(f"{field}: " if field else "body: ")


@pytest.mark.parametrize("excess", [1, 1 << 20])
def test_a_large_body_is_refused_with_an_answer(lab, excess):
    status, answer = ask(lab, b" " * (lab_server.LARGEST_BODY + excess))
    assert status == 413
    assert "expected at most" in answer["error"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_is_refused(lab, host, method):
    path = "/" if method == "GET" else "/assess"
    host = host.format(port=lab.server_port)
    status, _, content = request(lab, path, POST, method=method, Host=host)
    assert status == 403
    assert "Host" in json.loads(content)["error"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://{host}", "http://localhost:1"]
)
def test_a_foreign_origin_is_refused(lab, origin):
    host = f"127.0.0.1:{lab.server_port}"
    status, answer = ask(lab, POST, Origin=origin.format(host=host))
    assert status == 403
    assert "Origin" in answer["error"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_the_page_itself_may_ask_under_each_local_name(lab, name):
    host = f"{name}:{lab.server_port}"
    status, _ = ask(lab, POST, Host=host, Origin=f"http://{host}".lower())
    assert status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_cannot_ask(lab, kind):
    assert ask(lab, POST, Content_Type=kind)[0] == 415


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/assess", "GET", 404),
        ("/etc/passwd", "GET", 404),
        ("/../server.py", "GET", 404),
        ("/", "POST", 404),
        ("/", "PUT", 501),
        ("/", "OPTIONS", 501),
        ("/", "HEAD", 501),
    ],
)
def test_there_is_nothing_else(lab, path, method, status):
    found, headers, _ = request(lab, path, POST, method=method)
    assert found == status
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def raw(lab, message):
    with socket.create_connection((lab.server_name, lab.server_port), timeout=10) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


@pytest.mark.parametrize("length", [b"", b"Content-Length: -1\r\n", b"Content-Length: ten\r\n"])
def test_a_body_of_unknown_length_is_not_read(lab, length):
    host = f"Host: 127.0.0.1:{lab.server_port}\r\n".encode()
    reply = raw(lab, b"POST /assess HTTP/1.1\r\n" + host + length + b"\r\n")
    assert reply.startswith(b"HTTP/1.0 411 ")


def test_what_is_not_http_is_answered_and_the_lab_goes_on(lab):
    assert b"Bad request" in raw(lab, b"nonsense\r\n\r\n")
    assert b"Invalid HTTP version" in raw(lab, b"GET / HTTP/9.9\r\n\r\n")
    assert ask(lab, POST)[0] == 200


def test_many_askers_get_the_same_answer(lab):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(lab, POST))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)


class Page(HTMLParser):
    """Collects tags with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_page_is_one_file_that_its_policy_closes(lab):
    status, headers, content = request(lab, "/", method="GET")
    page, policy = content.decode(), headers["Content-Security-Policy"]
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "unsafe" not in policy
    assert "*" not in policy
    assert policy.count("'sha256-") == page.count("<script>") + page.count("<style>") == 2
    for tag, attributes in Page(page).found:
        assert not {"src", "style", "action", "srcset"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert tag not in {"img", "iframe", "object", "embed", "form", "base"}
        assert tag != "link" or attributes["href"] == "data:,"
    assert not re.search(r"https?://|@import|url\(", page)


def test_the_page_inserts_text_only_as_text(lab):
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", lab.page)


def test_the_page_says_what_it_refuses(lab):
    assert "What it refuses to do" in lab.page
    assert "no category for politics" in lab.page
    assert 'aria-live="polite"' in lab.page


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org", ""])  # noqa: S104
def test_only_loopback_is_served(scorer, host):
    with pytest.raises(InputError, match="this computer alone"):
        LabServer(scorer, host)


@pytest.mark.parametrize("port", [70_000, -1])
def test_an_impossible_port_is_refused(scorer, port):
    with pytest.raises(InputError, match="port: found"):
        LabServer(scorer, port=port)


def test_a_port_in_use_is_refused(lab, scorer):
    with pytest.raises(InputError, match="port: found"):
        LabServer(scorer, port=lab.server_port)


def test_ipv6_loopback(scorer):
    try:
        server = LabServer(scorer, "::1")
    except InputError:
        pytest.skip("this machine has no IPv6 loopback")
    with running(server):
        assert request(server, "/", method="GET")[0] == 200


@pytest.mark.skipif(sys.platform == "win32", reason="sends a Unix signal")
def test_serve_opens_the_page_and_stops_on_interrupt(tmp_path):
    folder = tmp_path / "tiny"
    store.save(tiny_model(), folder, card="# tiny\n\nA test.", data_fingerprint="test")
    code = (
        "import webbrowser; webbrowser.open = lambda url: print(url, flush=True)\n"
        f"from postrisk.lab import serve; serve(model={str(folder)!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().strip()
    with closing(OPENER.open(url, timeout=20)) as reply:
        assert reply.status == 200
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=20)
    assert process.returncode == 0, messages
    assert url in messages
    assert messages.endswith("stopped\n")


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_works_in_a_browser(lab, tmp_path):
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
        " --disable-background-networking --disable-component-update --no-proxy-server"
        " --virtual-time-budget=10000 --dump-dom --enable-logging=stderr"
    )
    done = subprocess.run(
        [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path}", f"{lab.url}#example=2"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    names = [attributes.get("class", "") for _, attributes in Page(done.stdout).found]
    assert names.count("gauge") == 8
    assert any(name.startswith("span") for name in names)
    # Disguised words score the same: folding is invariance by construction.
    assert done.stdout.count("the same as text A to the last digit") == 5
