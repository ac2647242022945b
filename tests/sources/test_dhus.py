"""A mirror of the Data Hub software on loopback that answers what the real one did."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.dhus import DhusSource
from sen4cap_core.sources.offers import Query, SourceAwayError, SourceError

CASSETTES = "data/catalogue-responses/sentinelsat-vcr/tests/fixtures/vcr_cassettes"
ME = Account.model_validate({"user": "me", "password": "right"})


@contextmanager
def mirror(status: int, body: bytes) -> Iterator[str]:
    """Serve one answer to whatever is asked."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/dhus"
    finally:
        server.shutdown()
        server.server_close()


def query(start: date, end: date, **facts: float) -> Query:
    return Query(("S2",), "POLYGON ((-180 -90, 180 -90, 180 90, -180 90, -180 -90))", start, end, **facts)


def test_a_recorded_search(shared: Path) -> None:
    recorded = yaml.safe_load((shared / CASSETTES / "test_s2_cloudcover.yaml").read_text())
    body = recorded["interactions"][0]["response"]["body"]["string"]
    with mirror(200, body.encode() if isinstance(body, str) else body) as url:
        source = DhusSource("mirror", url, ME)
        offers = list(source.search(query(date(2018, 12, 1), date(2018, 12, 31))))
        assert offers, "the recorded answer has Level-2A products"
        assert all(o.sensor == "s2-l2a" and o.tile and o.relative_orbit and o.published_at for o in offers)
        assert all(o.cloud_percent is not None and o.cloud_percent <= 10.0 for o in offers)
        assert source.remote_now is not None
        assert abs(source.remote_now - datetime.now(UTC)) < timedelta(minutes=5)
        assert list(source.search(query(date(2019, 1, 1), date(2019, 1, 31)))) == []


def test_refusals_and_absences() -> None:
    days = (date(2019, 6, 1), date(2019, 6, 30))
    with mirror(401, b"who are you") as url, pytest.raises(SourceError, match="refuses the account"):
        list(DhusSource("mirror", url, ME).search(query(*days)))
    with mirror(503, b"busy") as url, pytest.raises(SourceAwayError):
        list(DhusSource("mirror", url, ME).search(query(*days)))
    with pytest.raises(SourceAwayError):
        list(DhusSource("mirror", "http://127.0.0.1:9/dhus", ME).search(query(*days)))
