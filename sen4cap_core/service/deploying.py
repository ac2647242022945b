"""Bring work pool, automation and deployments to what ``prefect.yaml`` says: a short-lived process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from sen4cap_core.errors import Sen4capError, ServiceError
from sen4cap_core.files import write_text_atomic
from sen4cap_core.service.place import Place
from sen4cap_core.service.prefect_api import PrefectApi
from sen4cap_core.service.units import WORK_POOL, WORK_POOL_DESCRIPTION
from sen4cap_core.settings import Settings

FINGERPRINT_VARIABLE = "sen4cap_deployed"
JOB_POOL_DESCRIPTION = "Kubernetes jobs, one per run."
APPLIED = "successfully created with id"
"""What Prefect's command line says of each deployment, whether it was there or not."""
PROGRESS_FILE = "deployments.txt"


def deploy(place: Place) -> bool:
    """Apply ``prefect.yaml`` unless the server has just this version already; return whether it was applied.

    The fingerprint is kept on the server, since it is the server that has the deployments or has lost them.

    Raises
    ------
    ServiceError
        When the server is away, or a deployment does not load.
    """
    project = place.project
    (place.run / PROGRESS_FILE).unlink(missing_ok=True)
    fingerprint = deployment_fingerprint(project)
    with PrefectApi(place.prefect_api_url()) as api:
        template = _job_template(place.settings.work_pool_template)
        about = WORK_POOL_DESCRIPTION if template is None else JOB_POOL_DESCRIPTION
        is_new = api.ensure_work_pool(WORK_POOL, description=about, job_template=template)
        api.ensure_zombie_automation()
        wanted = wanted_deployments(project)
        # Deployments outlive the pool they belonged to, and belong to none then.
        is_known = api.variable(FINGERPRINT_VARIABLE) == fingerprint and wanted <= api.deployment_names()
        if is_known and not is_new:
            return False
        code = _apply(place, len(wanted))
        missing = wanted - api.deployment_names()
        if code != 0 or missing:
            raise ServiceError(
                f"prefect deploy ended with code {code}; "
                f"not deployed: {', '.join(sorted(missing)) or 'none'}. Its output is above."
            )
        api.set_variable(FINGERPRINT_VARIABLE, fingerprint)
    return True


def _apply(place: Place, n_wanted: int) -> int:
    """Apply all deployments, saying how many are done; return the exit code."""
    _note(place, f"0 of {n_wanted} applied")
    # One process for all: each call of Prefect's command line costs about six CPU seconds.
    with subprocess.Popen(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=place.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A frame as narrow as a terminal would break the line that is counted.
        env={**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        n_done = 0
        for line in process.stdout:
            sys.stdout.write(line)
            if APPLIED in line:
                n_done += 1
                _note(place, f"{n_done} of {n_wanted} applied")
        sys.stdout.flush()
        code = process.wait()
    (place.run / PROGRESS_FILE).unlink(missing_ok=True)
    return code


def _note(place: Place, text: str) -> None:
    place.run.mkdir(parents=True, exist_ok=True)
    write_text_atomic(place.run / PROGRESS_FILE, text)


def applied_so_far(place: Place) -> str | None:
    """Return how many deployments of how many are applied, while they are."""
    try:
        return (place.run / PROGRESS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _job_template(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ServiceError(f"SEN4CAP_WORK_POOL_TEMPLATE={path} cannot be read: {error}") from error
    if not isinstance(loaded, dict) or not {"job_configuration", "variables"} <= set(loaded):
        raise ServiceError(f"{path} is no base job template: it has no job_configuration and variables")
    return loaded


def deployment_fingerprint(project: Path) -> str:
    """Return a hash of all a deployment is made of: its definition, the flows' signatures, our version."""
    digest = hashlib.sha256(f"{version('sen4cap')} {version('prefect')} {project}".encode())
    for path in [project / "prefect.yaml", *sorted((project / "flows").glob("*.py"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def wanted_deployments(project: Path) -> set[str]:
    """Return the deployments ``prefect.yaml`` names, as ``flow/deployment``: here both names are the same."""
    content = yaml.safe_load((project / "prefect.yaml").read_text(encoding="utf-8"))
    return {f"{entry['name']}/{entry['name']}" for entry in content["deployments"]}


def main() -> None:
    """Entry point of the process."""
    try:
        deploy(Place(Settings()))
    except Sen4capError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
