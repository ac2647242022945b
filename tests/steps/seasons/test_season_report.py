"""The page of a season at work, and the warnings that people are told of once."""

from __future__ import annotations

import io
import socketserver
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import select, text

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import (
    JobUsage,
    MachineSample,
    OfferRow,
    PlannedRun,
    SceneRow,
    SourceSearch,
    WarningRow,
)
from sen4cap_core.db.overview import monitoring
from sen4cap_core.db.work import jobs
from sen4cap_core.errors import Sen4capError, ServiceError
from sen4cap_core.reports.pages.season_report import digest_lines, season_report_markdown
from sen4cap_core.reports.pictures.calendar import STATES, calendar_png
from sen4cap_core.service.mail import send_mail
from sen4cap_core.settings import Settings
from sen4cap_core.steps.seasons.report import season_report
from sen4cap_core.steps.upkeep.usage import measured, sample_machine
from sen4cap_core.steps.upkeep.warnings import look_for_warnings
from tests.steps.conftest import SITE, YEAR, Desk

pytestmark = pytest.mark.service


@pytest.fixture
def in_june(monkeypatch: pytest.MonkeyPatch) -> datetime:
    from sen4cap_core.db.work import pending

    now = datetime(YEAR, 6, 20, 12, tzinfo=UTC)
    monkeypatch.setattr(pending, "database_now", lambda session: now)
    return now


def test_the_page_says_what_is_here_what_is_missing_and_what_it_took(desk: Desk, in_june: datetime) -> None:
    desk.declare()
    desk.process(desk.scene(14))
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        season = site_rows.seasons_of(session, site.id)[0]
        for number, state in enumerate(("fetched", "fetching", "offered", "failed")):
            session.add(
                OfferRow(
                    site_id=site.id, season_id=season.id, source="archive", offer_id=str(number), content={},
                    product_id=str(number), sensor="s2-l2a", acquisition_key=str(number), state=state,
                    acquired_at=in_june - timedelta(days=1), tile="30TUM", size_bytes=1000,
                    bytes_done=1000 if state == "fetched" else 0,
                    started_at=in_june - timedelta(seconds=10), finished_at=in_june,
                )
            )  # fmt: skip
        usage = {"n_jobs": 1, "host": "a", "others": 0, "peak_memory_bytes": 5_000_000, "read_bytes": 10}
        for seconds in (2.0, 4.0):
            session.add(
                JobUsage(
                    kind="process-scene", site_slug=SITE, key="k", started_at=in_june - timedelta(hours=1),
                    seconds=seconds, cpu_seconds=1.0, written_bytes=3_000_000, **usage,
                )
            )  # fmt: skip
        sample = {"n_cores": 2, "memory_bytes": 8 * 10**9, "memory_free_bytes": 4 * 10**9}
        disk = {"disk_bytes": 10**9, "disk_free_bytes": 10**8}
        session.add(MachineSample(host="a", taken_at=in_june, cpu_percent=50.0, **sample, **disk))
    [report] = season_report(desk.context, SITE, unseen_days=3)
    [source] = report.sources
    assert (source.fetched, source.fetching, source.remaining, source.failed) == (1, 1, 1, 1)
    assert source.bytes_per_second == pytest.approx(100.0)
    assert source.remaining_bytes == 2000
    assert report.usage[0].seconds == 3.0
    # Four things in 171 days, 194 days left: (3 offers + 5 to come) x 3 MB, and x 1000 bytes.
    assert (report.disk.open_scenes, report.disk.scenes_to_come) == (3, 5)
    assert report.disk.n_bytes == 8 * 3_000_000 + 8 * 1000
    assert not report.disk_is_short
    assert (report.unseen.n_parcels, report.unseen.n_unseen) == (4, 4)
    [wide] = season_report(desk.context, SITE, unseen_days=30)
    assert wide.unseen.n_unseen == 0
    page = season_report_markdown(report)
    for word in ("Downloads", "data:image/png", "process-scene", "50 % of 2 cores", "0001, 0002"):
        assert word in page
    assert any("4 of 4" in line for line in digest_lines(report))
    with pytest.raises(Sen4capError, match=f"'nowhere' is no site that is known here. There are: {SITE}"):
        season_report(desk.context, "nowhere")


def test_the_calendar_shows_the_state_that_needs_a_person() -> None:
    day = date(2019, 3, 5)
    entries = [("30TUM", "s2-l2a", day, "processed"), ("30TUM", "s2-l2a", day, "failed")]
    entries += [("30TUM", "s2-l2a", date(2018, 1, 1), "processed"), ("30TUM", "s2-l2a", day, "unheard of")]
    png = calendar_png(entries, date(2019, 1, 1), date(2019, 12, 31))
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    # The legend has one patch of each colour; the calendar adds a cell of the failed one only.
    counts = {state: int((pixels == colour).all(axis=2).sum()) for state, colour in STATES.items()}
    assert counts["failed"] > counts["processed"] == counts["skipped"]
    assert len(png) < 90_000


def test_what_a_run_takes_is_written_down(desk: Desk) -> None:
    with desk.context.session() as session:
        jobs.enqueue(session, "process-scene", "process-scene/1", SITE, {})
        work = jobs.claim(session, ["process-scene"], "worker", 60)
    with measured(desk.context, work):
        held = np.ones(30_000_000)
        began = time.process_time()
        while time.process_time() - began < 0.3:
            np.sum(held[:1000])
    with desk.context.session() as session:
        usage = session.scalars(select(JobUsage)).one()
    assert usage.cpu_seconds >= 0.3
    assert usage.seconds >= 0.3
    assert usage.peak_memory_bytes > 240_000_000
    assert (usage.kind, usage.n_jobs, usage.others) == ("process-scene", 1, 0)
    sample_machine(desk.context)
    with desk.context.session() as session:
        sample = session.scalars(select(MachineSample)).one()
    assert 0 < sample.disk_free_bytes <= sample.disk_bytes
    assert 0 < sample.memory_free_bytes <= sample.memory_bytes


def test_a_warning_is_told_once_until_it_is_over(desk: Desk, in_june: datetime) -> None:
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        config = {"sources": [{"kind": "local", "root": "/eodata", "name": "archive"}]}
        site_rows.set_config(session, site, config)
        season = site_rows.seasons_of(session, site.id)[0]
        session.add(
            PlannedRun(
                season_id=season.id, processor="l4b", due_on=date(YEAR, 5, 31), covers_from=date(YEAR, 5, 31),
                waits_for={"gates": [{"n": 2, "what": "coherence pairs", "since": None, "needed": False}]},
                waiting_since=in_june - timedelta(days=3),
            )
        )  # fmt: skip
        session.add(
            SourceSearch(
                season_id=season.id, source="archive", error="not mounted", failed_at=in_june,
                succeeded_at=in_june - timedelta(days=1, minutes=1),
            )
        )  # fmt: skip
        disk = {"disk_bytes": 100, "disk_free_bytes": 4, "memory_bytes": 1, "memory_free_bytes": 1}
        session.add(MachineSample(host="a", taken_at=in_june, cpu_percent=1, n_cores=1, **disk))

    def away(rows: object) -> None:
        raise ServiceError("the server is away")

    with pytest.raises(ServiceError):
        look_for_warnings(desk.context, away)
    told: list[str] = []
    look_for_warnings(desk.context, lambda rows: told.extend(row.text for row in rows))
    assert [line.split(":")[0] for line in told] == ["a", f"{SITE}, {YEAR}", f"{SITE}, {YEAR}"]
    assert "2 coherence pairs" in " ".join(told)
    assert "not mounted" in " ".join(told)
    assert look_for_warnings(desk.context) == []
    with desk.context.session() as session:
        session.scalars(select(SourceSearch)).one().error = None
    assert look_for_warnings(desk.context) == []
    with desk.context.session() as session:
        assert len(monitoring.open_warnings(session)) == 2
        session.scalars(select(SourceSearch)).one().error = "gone again"
    assert [row.kind for row in look_for_warnings(desk.context)] == ["source-silent"]
    with desk.context.session() as session:
        assert len(session.scalars(select(WarningRow)).all()) == 3


def test_a_warning_that_lasts_is_told_again_each_day(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from sen4cap_core.db.work import pending

    begin = datetime(YEAR, 6, 20, 12, tzinfo=UTC)
    told = []
    for hours in (0, 1, 24.5, 25, 49):
        now = begin + timedelta(hours=hours)
        monkeypatch.setattr(pending, "database_now", lambda session, now=now: now)
        disk = {"disk_bytes": 100, "disk_free_bytes": 4, "memory_bytes": 1, "memory_free_bytes": 1}
        with desk.context.session() as session:
            session.add(MachineSample(host="a", taken_at=now, cpu_percent=1, n_cores=1, **disk))
        told.append([row.kind for row in look_for_warnings(desk.context)])
    assert told == [["disk-low"], [], ["disk-low"], [], ["disk-low"]]


def test_work_that_was_given_up_and_a_disk_too_small_for_the_season_are_told_of(
    desk: Desk, in_june: datetime
) -> None:
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        for number in range(2):
            jobs.enqueue(session, "fetch-scene", f"fetch-scene/{number}", SITE, {})
            [job] = jobs.claim(session, ["fetch-scene"], "worker", 60, 1)
            jobs.fail(session, job.id, "worker", f"{number}: https://anna:geheim@host/x is gone")
        session.execute(text("UPDATE job SET finished_at = :now"), {"now": in_june - timedelta(hours=3)})
        # One open scene and, after 172 days of 366, some to come: at 1 MB each.
        session.add(
            SceneRow(
                site_id=site.id, product_id="x", sensor="s2-l2a", platform="S", acquired_at=in_june,
                tile="30TUM", acquisition_key="x", format="x", path="x", state="ingested",
            )
        )  # fmt: skip
        usage = {"n_jobs": 1, "host": "a", "others": 0, "peak_memory_bytes": 5, "read_bytes": 10}
        usage |= {"seconds": 2.0, "cpu_seconds": 1.0, "written_bytes": 1_000_000}
        session.add(JobUsage(kind="process-scene", site_slug=SITE, key="k", started_at=in_june, **usage))
        machine = {"taken_at": in_june, "cpu_percent": 1, "n_cores": 1, "memory_bytes": 1}
        for host, free in (("small", 1_999_999), ("large", 2_100_000)):
            disk = {"disk_bytes": 3_000_000, "disk_free_bytes": free, "memory_free_bytes": 1}
            session.add(MachineSample(host=host, **machine, **disk))
    failed, short = look_for_warnings(desk.context)
    assert (failed.key, short.key) == (f"failed/{SITE}/fetch-scene", "need/small")
    assert "2 x fetch-scene failed" in failed.text
    assert "geheim" not in failed.text
    assert "1 scenes here or on offer, 1 to come" in short.text
    # What is an estimate is over when there is room to spare, not at the first byte above.
    for free, still in ((2_100_000, 1), (2_300_000, 0)):
        with desk.context.session() as session:
            session.execute(
                text("UPDATE machine_sample SET disk_free_bytes = :free WHERE host = 'small'"), {"free": free}
            )
        look_for_warnings(desk.context)
        with desk.context.session() as session:
            shorts = [row for row in monitoring.open_warnings(session) if row.kind == "disk-short"]
        assert len(shorts) == still


class _Mailbox(socketserver.StreamRequestHandler):
    """Enough of an e-mail server to take one message."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                content = b""
                while (piece := self.rfile.readline()) != b".\r\n":
                    content += piece
                self.server.messages.append(content)  # type: ignore[attr-defined]
            if word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mailbox() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mailbox) as server:
        server.messages = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_an_alert_is_sent_by_e_mail(mailbox: socketserver.ThreadingTCPServer) -> None:
    url = SecretStr(f"smtp://127.0.0.1:{mailbox.server_address[1]}")
    settings = Settings(smtp_url=url, alert_email="a@example.org, b@example.org")
    send_mail(settings, "disk\r\nBcc: everybody@example.org", "4 GB are left in Zürich")
    message = message_from_bytes(mailbox.messages[0])  # type: ignore[attr-defined]
    assert message["Bcc"] is None
    assert message["To"] == "a@example.org, b@example.org"
    assert "Zürich" in message.get_payload(decode=True).decode()  # type: ignore[union-attr]
    with pytest.raises(ServiceError, match="SEN4CAP_SMTP_URL"):
        send_mail(Settings(), "x", "y")
    with pytest.raises(ServiceError, match="did not take"):
        send_mail(Settings(smtp_url=SecretStr("smtp://127.0.0.1:9"), alert_email="a@example.org"), "x", "y")
