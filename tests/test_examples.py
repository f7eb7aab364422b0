"""The examples of docs/scan.md: valid YAML with the fields that KubeRay documents, and commands that psccnet has."""

import importlib
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[1] / "examples"
# Of the API reference of KubeRay (ray.io/v1); its schema is in no Python package.
RAY_JOB = {
    "entrypoint": str,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "backoffLimit": int,
    "rayClusterSpec": dict,
}
RAY_CLUSTER = {"rayVersion": str, "headGroupSpec": dict, "workerGroupSpecs": list}
HEAD = {"rayStartParams": dict, "template": dict}
WORKERS = {"groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int, **HEAD}


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / "kuberay-scan.yaml").read_text())
    return found


def groups(job: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = job["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def check(fields: dict[str, Any], known: dict[str, type]) -> None:
    assert fields.keys() <= known.keys()
    for name, value in fields.items():
        assert isinstance(value, known[name]), name


def test_the_ray_job_has_the_fields_of_kuberay(job: dict[str, Any]) -> None:
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    check(job["spec"], RAY_JOB)
    check(job["spec"]["rayClusterSpec"], RAY_CLUSTER)
    head, *workers = groups(job)
    check(head, HEAD)
    for group in workers:
        check(group, WORKERS)
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in groups(job):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_its_volumes_are_mounted_where_the_command_looks(job: dict[str, Any]) -> None:
    command = job["spec"]["entrypoint"].split()
    for group in groups(job):
        pod = group["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        (folder,) = (mount["mountPath"] for mount in container["volumeMounts"])
        assert all(path.startswith(f"{folder}/") for path in command if path.startswith("/"))


def test_its_pods_are_valid_for_kubernetes(job: dict[str, Any]) -> None:
    validate = pytest.importorskip(
        "kubernetes_validate", reason="needs kubernetes-validate, which has the schema of pods"
    )
    for group in groups(job):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": group["template"]["spec"]}
        validate.validate(pod, validate.latest_version(), strict=True)


def test_the_commands_are_those_of_psccnet(job: dict[str, Any]) -> None:
    app = importlib.import_module("psccnet.cli").app
    script = (EXAMPLES / "slurm-scan.sh").read_text()
    (line,) = re.findall(r"^psccnet .*(?= &$)", script, re.MULTILINE)
    for command in (job["spec"]["entrypoint"], line):
        name, *words = shlex.split(command)
        _, bound, unused, _ = app.parse_known_args(words)
        assert (name, unused, bound.arguments["out"].name) == ("psccnet", [], bound.arguments["out"].name)
        assert bound.arguments["ray"]


def test_the_script_is_one_that_bash_reads() -> None:
    checked = subprocess.run(["bash", "-n", EXAMPLES / "slurm-scan.sh"], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
