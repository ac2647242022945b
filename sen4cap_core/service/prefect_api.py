"""The few things we ask of Prefect's API, without importing Prefect (four CPU seconds)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

import httpx

from sen4cap_core.clock import utc_now
from sen4cap_core.errors import ServiceError

Json = dict[str, Any]

ZOMBIE_AUTOMATION = "Mark runs crashed that stopped reporting"
ZOMBIE_AFTER_S = 120
"""Silence after which a run counts as dead: longer than the worst restart of the server (47 s measured)."""


class PrefectApiError(ServiceError):
    """The Prefect server is away or refuses."""


class PrefectApi:
    """A connection to one Prefect server.

    Parameters
    ----------
    url : address of the API, ending in ``/api``.
    timeout_s : patience with each request.

    Notes
    -----
    Logs in with ``login`` (``user:password``), else with ``PREFECT_API_AUTH_STRING`` where it is set.
    """

    def __init__(self, url: str, *, timeout_s: float = 15.0, login: str | None = None) -> None:
        self.url = url.rstrip("/")
        login = login or os.environ.get("PREFECT_API_AUTH_STRING")
        user, _, password = (login or "").partition(":")
        self._client = httpx.Client(
            base_url=self.url,
            timeout=timeout_s,
            # A proxy for the outside world has no business between us and a server on this machine.
            trust_env=False,
            auth=httpx.BasicAuth(user, password) if login else None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def emit(
        self, event: str, resource_id: str, payload: Mapping[str, Any], event_id: UUID | None = None
    ) -> None:
        """Send one event; with an id of its own it can be sent again and is still one.

        Raises
        ------
        PrefectApiError
            When the server did not take it.
        """
        body = {
            "id": str(event_id or uuid4()),
            "occurred": utc_now().isoformat(),
            "event": event,
            "resource": {"prefect.resource.id": resource_id},
            "related": [],
            "payload": dict(payload),
        }
        self._request("POST", "/events", [body])

    def deployment_names(self) -> set[str]:
        """Return the names of all deployments as ``flow/deployment``."""
        flows = {flow["id"]: flow["name"] for flow in self._filter("/flows/filter")}
        return {f"{flows[d['flow_id']]}/{d['name']}" for d in self._filter("/deployments/filter")}

    def count_runs(self, states: Sequence[str], *, since: datetime | None = None) -> int:
        """Count flow runs whose state is of one of these types (``RUNNING``, ``FAILED`` ...)."""
        runs: Json = {"state": {"type": {"any_": list(states)}}}
        if since is not None:
            runs["expected_start_time"] = {"after_": since.isoformat()}
        return int(self._request("POST", "/flow_runs/count", {"flow_runs": runs}).json())

    def run_state(self, run_id: str) -> str | None:
        """Return the type of a flow run's state (``RUNNING`` ...), None where there is no such run."""
        answer = self._request("GET", f"/flow_runs/{run_id}", allow=(httpx.codes.NOT_FOUND,))
        return str(answer.json()["state_type"]) if answer.is_success else None

    def set_run_state(self, run_id: str, state: str, message: str, *, force: bool = False) -> None:
        """Propose a state of a type for a flow run; with ``force`` it takes it from whatever state."""
        body = {"state": {"type": state, "message": message}, "force": force}
        self._request("POST", f"/flow_runs/{run_id}/set_state", body)

    def ensure_work_pool(self, name: str, *, description: str, job_template: Json | None = None) -> bool:
        """Create a work pool unless it is there; return whether it was made.

        Without a template it is one of process workers, and what a person changed in it stays; with one it is
        of Kubernetes jobs and follows the template.

        Raises
        ------
        PrefectApiError
            A pool of this name is there and of the other kind.
        """
        kind = "process" if job_template is None else "kubernetes"
        found = self._request("GET", f"/work_pools/{name}", allow=(httpx.codes.NOT_FOUND,))
        if found.is_success:
            if found.json()["type"] != kind and job_template is not None:
                raise PrefectApiError(
                    f"The work pool {name} is one of type {found.json()['type']}, not {kind}. Delete it: "
                    f"prefect work-pool delete {name}; its deployments are applied anew."
                )
            if job_template is not None:
                self._request("PATCH", f"/work_pools/{name}", {"base_job_template": job_template})
            return False
        if job_template is None:
            known = self._request("GET", "/collections/views/aggregate-worker-metadata").json()
            job_template = known["prefect"]["process"]["default_base_job_configuration"]
        body = {"name": name, "type": kind, "description": description, "base_job_template": job_template}
        return self._request("POST", "/work_pools/", body, allow=(httpx.codes.CONFLICT,)).is_success

    def last_worker_heartbeat(self, pool: str) -> datetime | None:
        """Return when a worker of this pool last reported, None when none ever did."""
        workers = self._request("POST", f"/work_pools/{pool}/workers/filter", {}).json()
        beats = [
            datetime.fromisoformat(w["last_heartbeat_time"]) for w in workers if w["last_heartbeat_time"]
        ]
        return max(beats, default=None)

    def ensure_zombie_automation(self) -> None:
        """Create the automation that marks runs crashed whose process died without a word."""
        named = {"automations": {"name": {"any_": [ZOMBIE_AUTOMATION]}}}
        if self._request("POST", "/automations/filter", named).json():
            return
        ends = ("Completed", "Failed", "Cancelled", "Crashed")
        self._request(
            "POST",
            "/automations/",
            {
                "name": ZOMBIE_AUTOMATION,
                "description": "A run that was killed together with its worker can no longer say so itself.",
                "enabled": True,
                "trigger": {
                    "type": "event",
                    "posture": "Proactive",
                    "match": {"prefect.resource.id": "prefect.flow-run.*"},
                    "for_each": ["prefect.resource.id"],
                    "after": ["prefect.flow-run.heartbeat"],
                    "expect": [
                        "prefect.flow-run.heartbeat",
                        *(f"prefect.flow-run.{end}" for end in ends),
                    ],
                    "threshold": 1,
                    "within": ZOMBIE_AFTER_S,
                },
                "actions": [
                    {
                        "type": "change-flow-run-state",
                        "state": "CRASHED",
                        "message": f"No sign of life for {ZOMBIE_AFTER_S} seconds: its process is gone.",
                    }
                ],
            },
        )

    def deployment_id(self, name: str) -> str:
        """Return the id of a deployment, ``flow/deployment``."""
        flow, _, deployment = name.partition("/")
        return str(self._request("GET", f"/deployments/name/{flow}/{deployment}").json()["id"])

    def delete_automations(self, name: str) -> int:
        """Delete the automations of a name; return how many there were."""
        found = self._request(
            "POST", "/automations/filter", {"automations": {"name": {"any_": [name]}}}
        ).json()
        for automation in found:
            self._request("DELETE", f"/automations/{automation['id']}")
        return len(found)

    def replace_automation(self, automation: Json) -> None:
        """Create an automation in the place of those that have its name."""
        self.delete_automations(str(automation["name"]))
        self._request("POST", "/automations/", automation)

    def latest_artifact(self, key: str) -> str | None:
        """Return the id of the newest artifact with a key, None where there is none."""
        # The interface knows artifacts by this id; /artifacts/{key}/latest tells that of their collection.
        found = self._request(
            "POST",
            "/artifacts/filter",
            {"artifacts": {"key": {"any_": [key]}}, "sort": "UPDATED_DESC", "limit": 1},
        ).json()
        return str(found[0]["id"]) if found else None

    def variable(self, name: str) -> str | None:
        """Return the value of a Prefect variable, None where it is not set."""
        answer = self._request("GET", f"/variables/name/{name}", allow=(httpx.codes.NOT_FOUND,))
        return str(answer.json()["value"]) if answer.is_success else None

    def set_variable(self, name: str, value: str) -> None:
        """Set a Prefect variable."""
        changed = self._request(
            "PATCH", f"/variables/name/{name}", {"value": value}, allow=(httpx.codes.NOT_FOUND,)
        )
        if not changed.is_success:
            self._request("POST", "/variables/", {"name": name, "value": value})

    def _filter(self, path: str) -> list[Json]:
        rows: list[Json] = []
        while True:
            page = self._request("POST", path, {"limit": 200, "offset": len(rows)}).json()
            rows += page
            if len(page) < 200:
                return rows

    def _request(
        self, method: str, path: str, body: object = None, *, allow: Sequence[int] = ()
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise PrefectApiError(f"The Prefect server at {self.url} does not answer: {error!r}") from error
        if not answer.is_success and answer.status_code not in allow:
            raise PrefectApiError(
                f"The Prefect server at {self.url} refused {method} {path}: "
                f"{answer.status_code} {answer.text[:300]}"
            )
        return answer
