"""A run with nothing to do is no error in the log of the worker that ran it."""

from __future__ import annotations

import logging

import pytest
from prefect.exceptions import CancelledRun
from prefect.logging import get_logger

import flows.runtime  # noqa: F401  it makes the loggers of its process quiet


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def logged(name: str, error: Exception) -> list[str]:
    """Log an error as Prefect's process of a run does at its end; return what reaches the log."""
    kept, logger = Kept(), get_logger(name)
    logger.addHandler(kept)
    # Migrations of other tests in this process silence the loggers there are.
    was_disabled, logger.disabled = logger.disabled, False
    try:
        raise error
    except type(error):
        logger.error("Execution exited with unexpected exception", exc_info=True)
    finally:
        logger.disabled = was_disabled
        logger.removeHandler(kept)
    return kept.texts


@pytest.mark.filterwarnings("ignore:Logger 'prefect.flow_runs' attempted:UserWarning")
@pytest.mark.parametrize("name", ["prefect.engine", "prefect.flow_runs"])
def test_a_skip_leaves_no_stack_trace_and_an_error_does(name: str) -> None:
    assert logged(name, CancelledRun("another run receives what waits")) == []
    assert len(logged(name, ValueError("the disk is full"))) == 1
