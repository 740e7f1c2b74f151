"""A web server for one person: one page, one question, loopback only, nothing kept."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import socket
import socketserver
import sys
import threading
import webbrowser
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.console import Console

from postrisk.errors import InputError, PostError
from postrisk.model import RiskModel
from postrisk.post import Post
from postrisk.rules import Rulebook
from postrisk.scorer import Scorer

LARGEST_BODY = 1 << 18
# The page draws every character, so it takes shorter texts than the library.
LAB_CHARS = 10_000
_DRAINED = 1 << 22
_JSON, _HTML = "application/json; charset=utf-8", "text/html; charset=utf-8"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def content_policy(page: str) -> str:
    """Allow the page's own script and style by their hashes, this server, and nothing else."""

    def hashes(tag: str) -> str:
        blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests = [hashlib.sha256(block.encode()).digest() for block in blocks]
        return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)

    return (
        f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')};"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


class LabServer(ThreadingHTTPServer):
    """Serves the page at ``/`` and assesses posts at ``/assess``.

    Parameters
    ----------
    scorer : Scorer
    host : str
        A loopback address.
    port : int
        0 for any that is free.

    Raises
    ------
    InputError
        When the host is not loopback or the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, scorer: Scorer, host: str = "127.0.0.1", port: int = 0) -> None:
        if not _is_loopback(host):
            raise InputError(
                f"host: found {host!r}, expected 127.0.0.1, ::1 or localhost;"
                " the lab is for this computer alone"
            )
        self.scorer = scorer
        self.page = (files("postrisk.lab") / "page.html").read_text("utf-8")
        self.policy = content_policy(self.page)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"port: found {port}: {reason}; give another, or 0 for any that is free"
            ) from None

    def server_bind(self) -> None:
        """Bind without the look-up of a host name that `HTTPServer` would make."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a browser drops a question for a newer one."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where the page is."""
        name = self.server_name
        return f"http://{f'[{name}]' if ':' in name else name}:{self.server_port}/"

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Names by which a browser may call this server; any other is DNS rebinding."""
        return frozenset(f"{n}:{self.server_port}" for n in ("127.0.0.1", "localhost", "[::1]"))

    def assess(self, values: Any) -> dict[str, Any]:
        """Assess and explain one post, given with the fields of `Post`.

        Raises
        ------
        PostError
        """
        post = Post.model_validate(values, context={"max_chars": LAB_CHARS})
        model, rule = self.scorer.model, self.scorer.rulebook
        explained = self.scorer.explain(post)
        assessment = self.scorer.score_one(post)
        cuts = {name: model.cutoffs[name].of(assessment.script) for name in model.categories}
        return {
            "text": post.text,
            "assessment": assessment.to_dict(),
            "explanations": {name: found.to_dict() for name, found in explained.items()},
            "cutoffs": {n: {"review": cut.review, "flag": cut.flag} for n, cut in cuts.items()},
            "rule": {"title": rule.title, "citation": rule.source.citation},
        }


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    def __init__(self, status: HTTPStatus, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


class _Handler(BaseHTTPRequestHandler):
    server: LabServer
    server_version, sys_version = "postrisk-lab", ""
    timeout = 30

    def do_GET(self) -> None:
        try:
            self._check_caller("/")
            self._send(HTTPStatus.OK, _HTML, self.server.page)
        except _Refused as refused:
            self._refuse(refused)

    def do_POST(self) -> None:
        try:
            body = self._read_body()
            self._check_caller("/assess")
            answer = self.server.assess(self._read_json(body))
            self._send(HTTPStatus.OK, _JSON, json.dumps(answer, allow_nan=False))
        except PostError as error:
            self._refuse(_Refused(HTTPStatus.BAD_REQUEST, str(error), error.field))
        except _Refused as refused:
            self._refuse(refused)

    def _check_caller(self, path: str) -> None:
        host = self.headers.get("Host", "").lower()
        if host not in self.server.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "Host: this server answers only as localhost")
        # Browsers send Origin with every POST; tools such as curl send none.
        if self.headers.get("Origin", f"http://{host}") != f"http://{host}":
            raise _Refused(HTTPStatus.FORBIDDEN, "Origin: only the lab's own page may ask")
        if self.path != path:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is only GET / and POST /assess")

    def _read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length: expected a number")
        if int(length) > LARGEST_BODY:
            # Closing with bytes unread would reset the connection and lose the answer.
            self.rfile.read(min(int(length), _DRAINED))
            found = f"{int(length):,} bytes, expected at most {LARGEST_BODY:,}"
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: {found}")
        return self.rfile.read(int(length))

    def _read_json(self, body: bytes) -> Any:
        # A form on another site cannot send this type without asking first, which is refused.
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected application/json")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "body: not JSON in UTF-8") from None

    def _refuse(self, refused: _Refused) -> None:
        answer = {"error": refused.message, "field": refused.field}
        self._send(refused.status, _JSON, json.dumps(answer))

    def _send(self, status: int, kind: str, content: str) -> None:
        body = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.server.policy)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not HTTP, or another method, in the same form as everything else."""
        self._refuse(_Refused(HTTPStatus(code), message or explain or HTTPStatus(code).phrase))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Keep no record of requests."""


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    model: RiskModel | str | Path | None = None,
    rulebook: Rulebook | str | Path | None = None,
    *,
    open_browser: bool = True,
) -> None:
    """Serve the teaching page until Ctrl-C.

    Parameters
    ----------
    host : str
        A loopback address; no other is allowed.
    port : int
        0 for any that is free.
    model : RiskModel, str or Path, optional
        A loaded model, a model folder, or the shipped one.
    rulebook : Rulebook, str or Path, optional
    open_browser : bool
        Whether to open the page.

    Raises
    ------
    InputError
        When the host is not loopback or the port cannot be had.
    ModelError, RulebookError
        When the model or the rulebook cannot be read.
    """
    console = Console(stderr=True, highlight=False)
    scorer = Scorer(model, rulebook, max_chars=LAB_CHARS)
    with LabServer(scorer, host, port) as server:
        console.print(f"postrisk lab with {scorer.model_version}: {server.url} (Ctrl-C stops it)")
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("stopped")
