"""Files for Docker, systemd and Kubernetes: rendered, and checked as far as no engine is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from sen4cap_core.db.server.databases import plain_url
from sen4cap_core.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "deployments"
VALUES = {"SEN4CAP_DATABASE_PASSWORD": "abc", "SEN4CAP_PREFECT_LOGIN": "admin:abc", "SEN4CAP_WORKERS": "3"}


def interpolate(text: str, values: dict[str, str]) -> str:
    """Fill variables in as Docker Compose does; a required one that is missing raises KeyError."""

    def fill(match: re.Match[str]) -> str:
        name, kind, rest = match["name"], match["kind"], match["rest"]
        if values.get(name):
            return values[name]
        if kind == ":?":
            raise KeyError(f"{name}: {rest}")
        return rest or ""

    return re.sub(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}", fill, text)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (FOLDER / "docker" / "compose.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(interpolate(text, VALUES))
    return loaded


def test_compose_is_what_the_specification_allows(compose: dict[str, Any]) -> None:
    # Merge keys are YAML's matter: what Compose reads is the merged text.
    text = yaml.safe_dump(compose)
    assert sorted(PyCompose.from_yaml(text).service_names()) == sorted(compose["services"])
    for right, wrong, told in (
        ("depends_on:", "depend_on:", "depend_on"),
        ("stop_grace_period: 45s", "stop_grace_period: soon", "soon"),
        ("condition: service_healthy", "condition: service_well", "service_well"),
        ("replicas: 3", "replicas: three", "three"),
    ):
        assert right in text
        with pytest.raises(ValueError, match=told):
            PyCompose.from_yaml(text.replace(right, wrong))


def test_compose_refers_to_what_there_is(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgis", "tables", "prefect", "deployments", "watcher", "scenes", "worker"}
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, (name, needed)
            has_check = "healthcheck" in services[needed]
            assert has_check or how["condition"] != "service_healthy", (name, needed)
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"], (name, volume)
        if "build" in service:
            context = FOLDER / "docker" / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file()
    assert services["scenes"]["deploy"]["replicas"] == 3


def test_compose_does_not_start_without_passwords_and_publishes_nothing_open(
    compose: dict[str, Any],
) -> None:
    text = (FOLDER / "docker" / "compose.yaml").read_text(encoding="utf-8")
    for name in ("SEN4CAP_DATABASE_PASSWORD", "SEN4CAP_PREFECT_LOGIN"):
        with pytest.raises(KeyError, match=name):
            interpolate(text, {**VALUES, name: ""})
    example = (FOLDER / "docker" / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:4200:4200"]
    login = compose["services"]["prefect"]["environment"]["PREFECT_SERVER_API_AUTH_STRING"]
    assert login == compose["services"]["worker"]["environment"]["PREFECT_API_AUTH_STRING"] == "admin:abc"


def test_the_image_has_what_it_copies(compose: dict[str, Any]) -> None:
    copied: list[str] = []
    for line in (FOLDER / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY "):
            copied += line.split()[1:-1]
    allowed = {
        line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert set(copied) == allowed
    assert not [name for name in copied if not (REPOSITORY / name).exists()]


def workloads() -> Iterator[tuple[str, dict[str, Any]]]:
    """Commands and environments of all services of ours, in Compose and Kubernetes."""
    text = (FOLDER / "docker" / "compose.yaml").read_text(encoding="utf-8")
    for name, service in yaml.safe_load(interpolate(text, VALUES))["services"].items():
        if "build" in service:
            yield f"compose/{name}", {"command": service["command"], "env": service["environment"]}
    settings = {}
    for thing in manifests():
        if thing["kind"] == "ConfigMap":
            settings = thing["data"]
    for thing in manifests():
        if thing["kind"] in ("Deployment", "Job"):
            (container,) = thing["spec"]["template"]["spec"]["containers"]
            env = {one["name"]: one.get("value", "from secret") for one in container["env"]}
            base = settings if "envFrom" in container else {}
            yield (
                f"kubernetes/{thing['metadata']['name']}",
                {"command": container["command"], "env": base | env},
            )


def manifests() -> list[dict[str, Any]]:
    """What kustomize makes of the folder; without kubectl the files as they are."""
    folder = FOLDER / "kubernetes"
    if shutil.which("kubectl"):
        text = subprocess.run(
            ["kubectl", "kustomize", str(folder)], check=True, capture_output=True, text=True
        ).stdout
    else:
        names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        text = "\n---\n".join((folder / name).read_text() for name in names)
    return [thing for thing in yaml.safe_load_all(text) if thing]


def test_every_command_is_a_program_of_ours() -> None:
    found = dict(workloads())
    assert len(found) == 12
    for name, one in found.items():
        program, *arguments = one["command"]
        if program == "python":
            assert arguments[0] == "-m", name
            assert (REPOSITORY / (arguments[1].replace(".", "/") + ".py")).is_file(), name
        else:
            assert program == "prefect", name
            assert arguments[:2] in (["server", "start"], ["worker", "start"]), name


def test_variables_of_ours_are_settings() -> None:
    known = {f"SEN4CAP_{name.upper()}" for name in Settings.model_fields} | {"SEN4CAP_DATABASE_PASSWORD"}
    for name, one in workloads():
        ours = {key for key in one["env"] if key.startswith("SEN4CAP_")}
        assert ours <= known, (name, ours - known)
        if url := one["env"].get("SEN4CAP_DATABASE_URL"):
            assert plain_url(url).startswith("postgresql://sen4cap:"), name
        if "server" in one["command"]:
            assert one["env"]["PREFECT_SERVER_API_AUTH_STRING"], name


def test_kubernetes_objects_refer_to_each_other() -> None:
    things = manifests()
    by_kind: dict[str, dict[str, dict[str, Any]]] = {}
    for thing in things:
        assert set(thing) <= {"apiVersion", "kind", "metadata", "spec", "data"}
        by_kind.setdefault(thing["kind"], {})[thing["metadata"]["name"]] = thing
    pods = {}
    for kind in ("Deployment", "StatefulSet", "Job"):
        for name, thing in by_kind[kind].items():
            template = thing["spec"]["template"]
            pods[name] = template
            if kind != "Job":
                labels = thing["spec"]["selector"]["matchLabels"]
                assert labels.items() <= template["metadata"]["labels"].items(), name
            spec = template["spec"]
            claims = {
                one["name"]: one["persistentVolumeClaim"]["claimName"] for one in spec.get("volumes", ())
            }
            assert set(claims.values()) <= set(by_kind["PersistentVolumeClaim"]), name
            own = {one["metadata"]["name"] for one in thing["spec"].get("volumeClaimTemplates", ())}
            for container in spec["containers"]:
                assert {one["name"] for one in container.get("volumeMounts", ())} <= set(claims) | own, name
                for one in container.get("envFrom", ()):
                    assert one["configMapRef"]["name"] in by_kind["ConfigMap"], name
                defined: set[str] = set()
                for one in container["env"]:
                    used = set(re.findall(r"\$\((\w+)\)", one.get("value", "")))
                    # Only what stands before it is filled in.
                    assert used <= defined, (name, one["name"])
                    defined.add(one["name"])
                    if "valueFrom" in one:
                        assert one["valueFrom"]["secretKeyRef"]["name"] == "sen4cap"
    for name, service in by_kind["Service"].items():
        selected = [
            pod for pod in pods.values()
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]  # fmt: skip
        assert len(selected) == 1, name
        ports = {port["name"] for port in selected[0]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, name


def test_our_pods_are_not_root() -> None:
    for thing in manifests():
        if thing["kind"] not in ("Deployment", "Job"):
            continue
        spec = thing["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize("name", ["sen4cap.service", "sen4cap-scenes@.service", "sen4cap-worker.service"])
def test_units_are_what_systemd_takes(name: str, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    text = (FOLDER / "systemd" / name).read_text(encoding="utf-8")
    # The programs are not installed where the test runs.
    (command,) = re.findall(r"^ExecStart=(\S+)", text, re.MULTILINE)
    text = text.replace(f"ExecStart={command}", f"ExecStart={shutil.which('true')}")
    unit = tmp_path / name.replace("@.", "@1.")
    unit.write_text(text, encoding="utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )

    about_ours = [line for line in done.stderr.splitlines() if name.partition(".")[0].rstrip("@") in line]
    assert not about_ours, about_ours
    unit.write_text(text.replace("Restart=", "Restrat="), encoding="utf-8")
    broken = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "Restrat" in broken.stderr
