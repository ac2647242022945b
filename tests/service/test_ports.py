"""Two installations that start at the same moment have ports of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sen4cap_core.errors import ServiceError
from sen4cap_core.service import ports
from sen4cap_core.service.ports import claim_port

HOST = "127.0.0.1"
OTHER = """
from sen4cap_core.service.ports import claim_port
port = claim_port({first}, "{host}")
print(port.number, flush=True)
input()
"""


@pytest.fixture
def first() -> int:
    """A port with free ones above it."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return min(int(probe.getsockname()[1]), 65535 - ports.PORTS_TRIED)


@contextmanager
def another_program(first: int) -> Iterator[int]:
    """A program that has chosen a port and does not listen yet."""
    command = [sys.executable, "-c", OTHER.format(first=first, host=HOST)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def test_a_port_that_another_program_has_chosen_is_left_alone_until_it_ends(first: int) -> None:
    with another_program(first) as theirs:
        with socket.socket() as probe:
            probe.bind((HOST, theirs))  # nobody listens there yet
        ours = claim_port(theirs, HOST)
        assert ours.number > theirs
    assert claim_port(theirs, HOST).number == theirs


def test_all_that_choose_at_once_choose_differently(first: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        chosen = list(pool.map(lambda _: claim_port(first, HOST), range(8)))
    assert len({port.number for port in chosen}) == 8


def test_a_port_somebody_listens_on_is_passed_over_and_none_left_is_said(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as server:
        busy = int(server.getsockname()[1])
        monkeypatch.setattr(ports, "PORTS_TRIED", 1)
        with pytest.raises(ServiceError, match=f"No free port from {busy} to {busy}"):
            claim_port(busy, HOST)
    assert claim_port(busy, HOST).number == busy


def test_a_host_that_is_not_this_machine_is_named(first: int) -> None:
    with pytest.raises(ServiceError, match=r"203\.0\.113\.9 is no address of this machine"):
        claim_port(first, "203.0.113.9")
