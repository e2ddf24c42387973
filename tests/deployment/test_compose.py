"""The Compose file is valid and consistent, and has no secret."""

import json
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from jsonschema.validators import validator_for  # type: ignore[import-untyped]
from tests.deployment.reading import (
    STOPS_WITHIN,
    compose,
    environment_of_image,
    instructions,
    seconds,
    stages,
    understood,
)

from wablock.settings import ServeSettings

WABLOCK = compose()["services"]["wablock"]
POSTGRES = compose()["services"]["postgres"]


def _settings(monkeypatch: pytest.MonkeyPatch) -> ServeSettings:
    return understood(WABLOCK["command"], environment_of_image() | WABLOCK["environment"], monkeypatch)


def test_the_compose_file_is_valid() -> None:
    schema = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
    validator = validator_for(schema)(schema)

    assert [error.message for error in validator.iter_errors(compose())] == []
    assert list(validator.iter_errors(compose() | {"no-such-member": {}}))  # the validator finds errors


def test_wablock_uses_the_database_of_the_compose_file(monkeypatch: pytest.MonkeyPatch) -> None:
    url = urlsplit(_settings(monkeypatch).database or "")
    made = POSTGRES["environment"]

    assert url.scheme == "postgresql"
    assert url.hostname in compose()["services"]
    assert (url.username, url.path) == (made["POSTGRES_USER"], f"/{made['POSTGRES_DB']}")
    assert WABLOCK["environment"]["PGPASSWORD"] == made["POSTGRES_PASSWORD"]


def test_wablock_waits_until_the_database_is_healthy() -> None:
    assert WABLOCK["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert POSTGRES["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_a_missing_secret_is_an_error() -> None:
    secret = [
        value
        for service in (WABLOCK, POSTGRES)
        for name, value in service["environment"].items()
        if name.endswith(("PASSWORD", "KEY"))
    ]

    assert len(secret) == 3
    assert all(value.startswith("${") and ":?" in value for value in secret)


def test_the_port_of_the_image_is_published_only_on_loopback() -> None:
    (exposed,) = instructions(stages()[-1], "EXPOSE")

    assert WABLOCK["ports"] == [f"127.0.0.1:8080:{exposed.words[0]}"]
    assert "ports" not in POSTGRES


def test_requests_in_flight_have_time_to_end() -> None:
    assert seconds(WABLOCK["stop_grace_period"]) > STOPS_WITHIN


def test_wablock_has_several_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _settings(monkeypatch).workers > 1


def test_the_databases_files_are_in_a_volume() -> None:
    names = [volume.split(":")[0] for volume in POSTGRES["volumes"]]

    assert names == list(compose()["volumes"])
