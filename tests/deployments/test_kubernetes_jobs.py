"""The Kubernetes work pool: its values rendered into a job as Prefect does, and checked without an engine."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures_services import PrefectServer
from jsonschema import Draft202012Validator
from prefect.utilities.templating import apply_values, find_placeholders

from sen4cap_core.service.prefect_api import PrefectApi, PrefectApiError
from tests.deployments.test_rendered import FOLDER, manifests

JOBS = FOLDER / "kubernetes-jobs"
TEXT = {"type": "string", "minLength": 1}
QUANTITY = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi)?$"}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}


def closed(required: str, **properties: Any) -> dict[str, Any]:
    """An object without other keys: a misspelt one would be dropped by the cluster, or refused."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


RESOURCES = closed("", cpu=QUANTITY, memory=QUANTITY)
SECRET = closed("secretKeyRef", secretKeyRef=closed("name key", name=NAME, key=TEXT))
CONTAINER = closed(
    "name image args",
    name=NAME,
    image=TEXT,
    imagePullPolicy={"enum": ["IfNotPresent", "Always", "Never"]},
    args={"type": "array", "items": TEXT, "minItems": 1},
    workingDir={"type": "string", "pattern": "^/"},
    securityContext=closed(
        "allowPrivilegeEscalation", allowPrivilegeEscalation={"const": False}, capabilities={"type": "object"}
    ),
    envFrom={"type": "array", "items": closed("configMapRef", configMapRef=closed("name", name=NAME))},
    env={"type": "array", "items": closed("name", name=TEXT, value={"type": "string"}, valueFrom=SECRET)},
    resources=closed("requests", requests=RESOURCES, limits=RESOURCES),
    volumeMounts={"type": "array", "items": closed("name mountPath", name=NAME, mountPath=TEXT)},
)
POD = closed(
    "containers restartPolicy",
    containers={"type": "array", "items": CONTAINER, "minItems": 1, "maxItems": 1},
    restartPolicy={"enum": ["Never", "OnFailure"]},
    automountServiceAccountToken={"const": False},
    enableServiceLinks={"type": "boolean"},
    terminationGracePeriodSeconds={"type": "integer", "minimum": 0},
    securityContext=closed(
        "runAsNonRoot",
        runAsNonRoot={"const": True},
        runAsUser={"type": "integer", "minimum": 1},
        runAsGroup={"type": "integer", "minimum": 1},
        fsGroup={"type": "integer", "minimum": 1},
        seccompProfile={"type": "object"},
    ),
    volumes={
        "type": "array",
        "items": closed(
            "name persistentVolumeClaim",
            name=NAME,
            persistentVolumeClaim=closed("claimName", claimName=NAME),
        ),
    },
)
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
JOB = closed(
    "apiVersion kind metadata spec",
    apiVersion={"const": "batch/v1"},
    kind={"const": "Job"},
    metadata=closed("generateName namespace", generateName=TEXT, namespace=NAME, labels=LABELS),
    spec=closed(
        "template backoffLimit",
        backoffLimit={"type": "integer", "minimum": 0},
        completions={"const": 1},
        parallelism={"const": 1},
        ttlSecondsAfterFinished={"type": "integer", "minimum": 0},
        activeDeadlineSeconds={"type": "integer", "minimum": 1},
        template=closed("spec", metadata=closed("", labels=LABELS), spec=POD),
    ),
)
"""The part of the batch/v1 API that is used."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((JOBS / "work-pool.json").read_text(encoding="utf-8"))
    return loaded


def rendered(template: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return the job that the worker makes of a run: defaults, then its values, then what it adds itself."""
    properties = template["variables"]["properties"]
    filled = {name: one["default"] for name, one in properties.items() if "default" in one} | values
    made = apply_values(template["job_configuration"], filled, remove_notset=True)
    job: dict[str, Any] = made["job_manifest"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    # The worker's own steps: a command is split, its variables stand before those of the template.
    container["args"] = made["command"].split()
    container["env"] = [{"name": "PREFECT__FLOW_RUN_ID", "value": "1"}, *container["env"]]
    return job


def faults_of(job: dict[str, Any]) -> list[str]:
    return [fault.message for fault in Draft202012Validator(JOB).iter_errors(job)]


def test_a_run_becomes_a_well_formed_job(template: dict[str, Any]) -> None:
    job = rendered(template, name="olive-crab", labels={"site": "polder"}, memory_limit="16Gi")
    assert faults_of(job) == []
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["python", "-m", "prefect.engine"]
    assert container["resources"]["limits"] == {"memory": "16Gi"}
    assert job["metadata"] == {
        "generateName": "olive-crab-",
        "namespace": "sen4cap",
        "labels": {"site": "polder"},
    }
    assert faults_of(rendered(template, name="x", memory_limit="a lot"))
    job["spec"]["template"]["spec"]["volume"] = []
    assert faults_of(job)


def test_a_job_refers_to_what_the_other_manifests_make(template: dict[str, Any]) -> None:
    pod = rendered(template, name="x")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    there = {(thing["kind"], thing["metadata"]["name"]): thing for thing in manifests()}
    claims = {one["name"]: one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == set(claims)
    assert {("PersistentVolumeClaim", claim) for claim in claims.values()} <= set(there)
    settings = there["ConfigMap", container["envFrom"][0]["configMapRef"]["name"]]["data"]
    assert {one["mountPath"] for one in container["volumeMounts"]} == {
        settings["SEN4CAP_UPLOADS"],
        settings["SEN4CAP_DATA_ROOT"],
    }
    # A run sees the same database and the same server as the warm workers.
    [scenes] = there["Deployment", "scenes"]["spec"]["template"]["spec"]["containers"]
    assert container["env"][1:] == scenes["env"]


def test_every_placeholder_is_a_variable_and_fits_prefects_worker(template: dict[str, Any]) -> None:
    properties = template["variables"]["properties"]
    used = {one.name for one in find_placeholders(template["job_configuration"])}
    assert used == set(properties)
    import prefect.server.api.collections_data.views as views

    [folder] = views.__path__
    bundled = json.loads((Path(folder) / "aggregate-worker-metadata.json").read_text(encoding="utf-8"))
    known = bundled["prefect-kubernetes"]["kubernetes"]["default_base_job_configuration"]
    assert set(template["job_configuration"]) <= set(known["job_configuration"])
    for name, one in properties.items():
        of_worker = known["variables"]["properties"].get(name, one)
        assert one["type"] == of_worker["type"], name
        assert name == "deadline_seconds" or name in known["variables"]["properties"], name


def test_the_overlay_patches_what_there_is() -> None:
    overlay = yaml.safe_load((JOBS / "kustomization.yaml").read_text())
    there = {(thing["kind"], thing["metadata"]["name"]): thing for thing in manifests()}
    assert (JOBS / overlay["resources"][0] / "kustomization.yaml").is_file()
    made = list(yaml.safe_load_all((JOBS / "rights.yaml").read_text()))
    assert [thing["kind"] for thing in made] == ["ServiceAccount", "Role", "RoleBinding"]
    assert made[2]["roleRef"]["name"] == made[1]["metadata"]["name"]
    assert made[2]["subjects"][0]["name"] == made[0]["metadata"]["name"]
    for patch in overlay["patches"]:
        change = yaml.safe_load((JOBS / patch["path"]).read_text())
        base = there[change["kind"], change["metadata"]["name"]]
        of_base, of_change = (one["spec"]["template"]["spec"] for one in (base, change))
        assert [c["name"] for c in of_change["containers"]] == [c["name"] for c in of_base["containers"]]
        for volume in of_change.get("volumes", ()):
            assert volume["configMap"]["name"] == overlay["configMapGenerator"][0]["name"]
        if "serviceAccountName" in of_change:
            assert of_change["serviceAccountName"] == made[0]["metadata"]["name"]
            image = of_change["containers"][0]["image"]
            assert image == f"prefecthq/prefect:{version('prefect')}-python3.11-kubernetes"
    [generated] = overlay["configMapGenerator"]
    change = yaml.safe_load((JOBS / "deployments.yaml").read_text())
    [container] = change["spec"]["template"]["spec"]["containers"]
    [mount] = container["volumeMounts"]
    assert container["env"][0]["value"] == f"{mount['mountPath']}/{generated['files'][0]}"


@pytest.mark.service
def test_a_real_server_takes_the_pool_and_follows_its_file(
    template: dict[str, Any], prefect_server: PrefectServer
) -> None:
    with PrefectApi(prefect_server.api_url) as api:
        changed = json.loads(json.dumps(template))
        changed["variables"]["properties"]["image"]["default"] = "registry.example/sen4cap:2"
        for values in (template, changed):
            is_new = api.ensure_work_pool("jobs", description="x", job_template=values)
            assert is_new == (values is template)
            pool = api._request("GET", "/work_pools/jobs").json()
            assert pool["type"] == "kubernetes"
            assert pool["base_job_template"] == values
        api.ensure_work_pool("processes", description="x")
        with pytest.raises(PrefectApiError, match="prefect work-pool delete processes"):
            api.ensure_work_pool("processes", description="x", job_template=template)
        broken = json.loads(json.dumps(template))
        del broken["variables"]["properties"]["image"]
        with pytest.raises(PrefectApiError, match="must be present as properties"):
            api.ensure_work_pool("broken", description="x", job_template=broken)
