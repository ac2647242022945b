"""A catalogue and its files on loopback: answers, and breaks, throttles and lies on request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Catalogue:
    """What the server has and how it behaves; tests change it while it runs."""

    items: list[dict[str, Any]] = field(default_factory=list)
    collections: tuple[str, ...] = ("sentinel-2-l2a",)
    files: dict[str, bytes] = field(default_factory=dict)
    """By path, ``/files/B04.tif``."""
    page: int = 2
    down: bool = False
    break_after: list[int] = field(default_factory=list)
    """Each file answer takes one: the connection is closed after so many bytes."""
    busy: list[tuple[int, str]] = field(default_factory=list)
    """Each file answer takes one: (status, Retry-After)."""
    lie_about_size: int = 0
    """Bytes added to the announced length of whole files."""
    ignore_range: bool = False
    password: str | None = None
    """Where set, files need a token, which ``/token`` gives for this password."""
    token_life_s: int = 600
    tokens: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Method, path and range of everything that was asked."""
    searches: list[dict[str, Any]] = field(default_factory=list)
    """Body of each search, its further pages left out."""
    clock: Callable[[], datetime] | None = None
    """Says what the ``Date`` header says; default: this machine's time."""
    url: str = ""

    def search(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a search, a page at a time."""
        first = int(body.get("token", 0))
        if not first:
            self.searches.append(body)
        wanted = [i for i in self.items if i.get("collection") in body.get("collections", self.collections)]
        answer: dict[str, Any] = {"type": "FeatureCollection", "features": wanted[first : first + self.page]}
        links = []
        if first + self.page < len(wanted):
            links.append(
                {
                    "rel": "next",
                    "href": f"{self.url}/search",
                    "method": "POST",
                    "body": {**body, "token": first + self.page},
                }
            )
        return {**answer, "links": links, "context": {"returned": len(answer["features"])}}

    def landing(self) -> dict[str, Any]:
        """Return the landing page of the catalogue."""
        links = [
            {"rel": "self", "href": self.url},
            {"rel": "root", "href": self.url},
            {"rel": "search", "href": f"{self.url}/search", "method": "POST", "type": "application/geo+json"},
            {"rel": "data", "href": f"{self.url}/collections"},
        ]
        core = "https://api.stacspec.org/v1.0.0"
        return {
            "type": "Catalog",
            "id": "loopback",
            "stac_version": "1.0.0",
            "description": "a catalogue for tests",
            "conformsTo": [f"{core}/core", f"{core}/item-search", f"{core}/collections"],
            "links": links,
        }

    def collection_list(self) -> dict[str, Any]:
        """Return the collections of the catalogue."""
        extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
        found = [
            {
                "type": "Collection",
                "id": name,
                "stac_version": "1.0.0",
                "description": name,
                "license": "proprietary",
                "extent": extent,
                "links": [],
            }
            for name in self.collections
        ]
        return {"collections": found, "links": []}


@contextmanager
def serving(catalogue: Catalogue) -> Iterator[str]:
    """Serve a catalogue on a free port of loopback; yield its address."""
    server = _Server(("127.0.0.1", 0), _handler(catalogue))
    catalogue.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield catalogue.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away: the tests make them."""


def _handler(catalogue: Catalogue) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Return what the ``Date`` header says."""
            if catalogue.clock is None:
                return super().date_time_string(timestamp)
            return format_datetime(catalogue.clock(), usegmt=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._answer(self._get)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(lambda path: self._post(path, body))

        def _answer(self, decide: Callable[[str], Answer]) -> None:
            path = urlsplit(self.path).path
            catalogue.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
            if catalogue.down:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, body = decide(path)
            stop = len(body)
            if path.startswith("/files/") and status in (200, 206) and catalogue.break_after:
                stop = min(stop, catalogue.break_after.pop(0))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            lie = catalogue.lie_about_size if path.startswith("/files/") and status == 200 else 0
            self.send_header("Content-Length", str(len(body) + lie))
            self.end_headers()
            try:
                self.wfile.write(body[:stop])
                self.wfile.flush()
            except OSError:
                pass
            if stop < len(body) or lie:
                self.close_connection = True

        def _get(self, path: str) -> Answer:
            if path in ("/", ""):
                return _json(catalogue.landing())
            if path == "/collections":
                return _json(catalogue.collection_list())
            if path == "/sign":
                href = parse_qs(urlsplit(self.path).query)["href"][0]
                return _json({"href": f"{href}?signature=secret"})
            return self._file(path)

        def _post(self, path: str, body: bytes) -> Answer:
            if path == "/token":
                form = parse_qs(body.decode())
                if form.get("password") != [catalogue.password]:
                    return _json({"error": "invalid_grant"}, 401)
                catalogue.tokens.append(f"token-{len(catalogue.tokens)}")
                return _json({"access_token": catalogue.tokens[-1], "expires_in": catalogue.token_life_s})
            return _json(catalogue.search(json.loads(body)))

        def _file(self, path: str) -> Answer:
            if path not in catalogue.files:
                return 404, {}, b"not here"
            if catalogue.busy:
                status, pause = catalogue.busy.pop(0)
                return status, {"Retry-After": pause} if pause else {}, b"come again"
            if catalogue.password is not None:
                sent = self.headers.get("Authorization", "")
                if not catalogue.tokens or sent != f"Bearer {catalogue.tokens[-1]}":
                    return 401, {}, b"who are you"
            body = catalogue.files[path]
            tag = f'"{abs(hash(body))}"'
            match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if match and not catalogue.ignore_range and self.headers.get("If-Range", tag) == tag:
                first = int(match[1])
                if first >= len(body):
                    return 416, {}, b""
                ranged = f"bytes {first}-{len(body) - 1}/{len(body)}"
                return 206, {"Content-Range": ranged, "ETag": tag}, body[first:]
            return 200, {"ETag": tag}, body

    return Handler


def _json(answer: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()
