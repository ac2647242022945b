"""Flow runs of deployments that are under way when the services stop: they end as cancelled, with the reason.

A run whose process is merely terminated says that it crashed: it would count as a failure, and be alerted of.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from sen4cap_core.errors import ServiceError
from sen4cap_core.service.prefect_api import PrefectApi
from sen4cap_core.service.processes import supervised_processes

log = logging.getLogger(__name__)

FLOW_RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"
"""In the environment of the processes of a deployment's run."""
PATIENCE_S = 15.0
"""How long a run that is told to end gets."""
STOPPED = "the services were stopped while it ran: start it again; what waits as a job is taken up by itself"
_IS_OVER = ("COMPLETED", "FAILED")


class RunsInHand:
    """The runs of one installation whose processes live when its worker is about to be stopped.

    Parameters
    ----------
    home : whose processes count; other workers of the same pool keep theirs.
    """

    def __init__(self, home: Path, api_url: str, login: str | None) -> None:
        self._home = home
        self._api_url = api_url
        self._login = login
        self._processes: Mapping[psutil.Process, str] = {}

    def tell_to_end(self) -> None:
        """Ask the worker, by Prefect, to cancel its runs; kill those that have not ended in time.

        A run whose worker is another by now has nobody who cancels it.
        """
        self._processes = _runs(self._home)
        if not self._processes:
            return
        self._set(self._processes.values(), "CANCELLING")
        _, stubborn = psutil.wait_procs(self._processes, timeout=PATIENCE_S)
        if stubborn:
            # Said before it is true, so that who sees it die does not call it a crash.
            self._set([self._processes[process] for process in stubborn], "CANCELLED")
        for process in stubborn:
            log.warning("flow run %s does not end: killed", self._processes[process])
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, timeout=PATIENCE_S)

    def say_why(self) -> None:
        """Say in Prefect why each ended that has not come to its own end, whatever others said of it."""
        self._set(self._processes.values(), "CANCELLED")

    def _set(self, run_ids: Iterable[str], state: str) -> None:
        if not (wanted := sorted(set(run_ids))):
            return
        try:
            with PrefectApi(self._api_url, login=self._login) as api:
                for run_id in wanted:
                    if api.run_state(run_id) not in _IS_OVER:
                        api.set_run_state(run_id, state, STOPPED, force=state == "CANCELLED")
        except ServiceError as error:
            log.warning("what becomes of runs in hand cannot be said: %s", error)


def _runs(home: Path) -> dict[psutil.Process, str]:
    found = {}
    for process in supervised_processes(home):
        try:
            run_id = process.environ().get(FLOW_RUN_VARIABLE)
        except (psutil.Error, OSError):
            continue
        if run_id:
            found[process] = run_id
    return found
