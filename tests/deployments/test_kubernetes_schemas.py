"""Everything for Kubernetes against the API's own schemas of two releases: no unknown key passes."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, validate

from tests.deployments.test_kubernetes_jobs import JOBS, rendered
from tests.deployments.test_rendered import manifests

RELEASES = ["1.28.0", "1.37.0"]


def overlay() -> list[dict[str, Any]]:
    """What kustomize makes of the overlay for runs as jobs."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl, which renders the overlay, is not here")
    done = subprocess.run(["kubectl", "kustomize", str(JOBS)], check=True, capture_output=True, text=True)
    return [thing for thing in yaml.safe_load_all(done.stdout) if thing]


def job() -> dict[str, Any]:
    """The job that a run of a deployment becomes."""
    template = json.loads((JOBS / "work-pool.json").read_text(encoding="utf-8"))
    return rendered(template, name="olive-crab", labels={"site": "polder"})


@pytest.mark.parametrize("release", RELEASES)
def test_manifests_and_jobs_are_what_the_api_takes(release: str) -> None:
    things = [*manifests(), *yaml.safe_load_all((JOBS / "rights.yaml").read_text()), job()]
    assert {thing["kind"] for thing in things} >= {"Deployment", "StatefulSet", "Service", "Job", "Role"}
    for thing in things:
        validate(thing, release, strict=True)


@pytest.mark.parametrize("release", RELEASES)
def test_the_overlay_is_what_the_api_takes(release: str) -> None:
    things = overlay()
    for thing in things:
        validate(thing, release, strict=True)
    # The patches are in what was rendered, not only beside it.
    [worker] = [one for one in things if (one["kind"], one["metadata"]["name"]) == ("Deployment", "worker")]
    assert worker["spec"]["template"]["spec"]["serviceAccountName"]


@pytest.mark.parametrize("wrong", ["unknown key", "wrong type", "missing"])
def test_what_is_wrong_is_found(wrong: str) -> None:
    thing = copy.deepcopy(next(one for one in manifests() if one["kind"] == "Deployment"))
    container = thing["spec"]["template"]["spec"]["containers"][0]
    if wrong == "unknown key":
        container["volumeMount"] = []
    elif wrong == "wrong type":
        thing["spec"]["replicas"] = "three"
    else:
        del container["name"]
    with pytest.raises(ValidationError):
        validate(thing, RELEASES[-1], strict=True)
