"""Ports of this machine, chosen so that two installations that start at once do not choose the same."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from sen4cap_core.errors import ServiceError

PORTS_TRIED = 50


@dataclass(frozen=True)
class ClaimedPort:
    """A free port that other installations on this machine leave alone while this object lives.

    A port is free until somebody listens, and a server listens half a minute after it was given its port. So
    whoever chooses binds a name of the kernel's (an abstract Unix socket) that goes with the process.
    """

    number: int
    mark: socket.socket


def claim_port(first: int, host: str) -> ClaimedPort:
    """Choose the first port from a number on that nobody listens on or has chosen.

    Raises
    ------
    ServiceError
        None of ``PORTS_TRIED`` ports is free, or the host is no address of this machine.
    """
    for number in range(first, first + PORTS_TRIED):
        mark = _mark(number)
        if mark is None:
            continue
        if _is_free(host, number):
            return ClaimedPort(number, mark)
        mark.close()
    raise ServiceError(
        f"No free port from {first} to {first + PORTS_TRIED - 1} for the Prefect server. "
        "Set SEN4CAP_PREFECT_PORT."
    )


def _mark(number: int) -> socket.socket | None:
    """Mark a port as chosen; None where another process has."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0sen4cap-port-{number}")
    except OSError as error:
        mark.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return mark


def _is_free(host: str, number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise ServiceError(f"SEN4CAP_PREFECT_HOST={host} is no address of this machine.") from None
            return False
    return True
