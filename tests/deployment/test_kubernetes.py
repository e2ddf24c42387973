"""The Kubernetes manifest is valid and consistent, and a real server answers its probes."""

from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from lightkube.models.apps_v1 import Deployment
from lightkube.models.core_v1 import Service
from lightkube.models.policy_v1 import PodDisruptionBudget
from tests.deployment.reading import (
    STOPS_WITHIN,
    container,
    environment_of_image,
    instructions,
    objects,
    stages,
    understood,
)
from tests.running_server import running_server

SHAPES = {"Deployment": Deployment, "Service": Service, "PodDisruptionBudget": PodDisruptionBudget}
POD = objects()["Deployment"]["spec"]["template"]


@pytest.mark.parametrize("kind", SHAPES)
def test_kubernetes_knows_every_member_of_an_object(kind: str) -> None:
    manifest = objects()[kind]

    read = msgspec.convert(manifest, SHAPES[kind])

    assert _without_nothing(msgspec.to_builtins(read)) == manifest


def test_the_manifest_has_these_objects() -> None:
    assert set(objects()) == set(SHAPES)


def test_service_and_budget_select_the_pods_of_the_deployment() -> None:
    labels = POD["metadata"]["labels"]

    assert objects()["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert objects()["Service"]["spec"]["selector"] == labels
    assert objects()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_one_pod_may_stop_while_the_others_serve() -> None:
    replicas = objects()["Deployment"]["spec"]["replicas"]

    assert replicas >= 3
    assert objects()["PodDisruptionBudget"]["spec"]["minAvailable"] == replicas - 1


def test_the_service_leads_to_the_port_that_the_image_exposes() -> None:
    (exposed,) = instructions(stages()[-1], "EXPOSE")
    (port,) = objects()["Service"]["spec"]["ports"]

    assert container()["ports"] == [{"name": port["targetPort"], "containerPort": int(exposed.words[0])}]


@pytest.mark.parametrize("probe,path", [("startup", "/healthz"), ("liveness", "/healthz"), ("readiness", "/readyz")])
def test_a_server_answers_the_probes(tmp_path: Path, probe: str, path: str) -> None:
    request = container()[f"{probe}Probe"]["httpGet"]

    assert request == {"path": path, "port": "http"}
    with running_server(tmp_path) as server:
        assert httpx2.get(server.url + request["path"]).status_code == 200


def test_requests_in_flight_have_time_to_end() -> None:
    _, pause = container()["lifecycle"]["preStop"]["exec"]["command"]

    assert POD["spec"]["terminationGracePeriodSeconds"] > int(pause) + STOPS_WITHIN


def test_a_pod_runs_as_the_images_user_without_other_rights() -> None:
    (user,) = instructions(stages()[-1], "USER")
    uid, _, gid = user.words[0].partition(":")
    whole, own = POD["spec"]["securityContext"], container()["securityContext"]

    assert (whole["runAsUser"], whole["runAsGroup"], whole["runAsNonRoot"]) == (int(uid), int(gid), True)
    assert (own["readOnlyRootFilesystem"], own["allowPrivilegeEscalation"]) == (True, False)
    assert own["capabilities"] == {"drop": ["ALL"]}


def test_the_service_sets_no_setting_of_the_pods_by_its_name() -> None:
    """A Service named wablock would set WABLOCK_PORT to tcp://10.0.0.1:80."""
    assert POD["spec"]["enableServiceLinks"] is False


def test_the_command_of_a_pod_is_valid_and_its_secrets_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {it["name"]: it["valueFrom"]["secretKeyRef"] for it in container()["env"]}
    url = "postgresql://wablock@db.example/wablock"

    settings = understood(container()["args"], environment_of_image() | dict.fromkeys(secrets, url), monkeypatch)

    assert settings.database == settings.key.secret_key == url
    assert secrets == {
        "WABLOCK_DATABASE": {"name": "wablock", "key": "database"},
        "WABLOCK_SECRET_KEY": {"name": "wablock", "key": "secret-key"},
    }


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nothing(it) for name, it in value.items() if it is not None}
    return [_without_nothing(it) for it in value] if isinstance(value, list) else value
