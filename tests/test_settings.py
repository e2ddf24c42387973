"""Every setting: its variable, its default, and the part of the server that uses it."""

from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from cyclopts import Parameter
from tests.storage.meters import CountingMeter

from wablock.settings import (
    AnswerSettings,
    DevSettings,
    GateSettings,
    KeySettings,
    LimitSettings,
    ServeSettings,
    default_database,
    file_url,
)
from wablock.storage import open_store

KINDS: list[type[Any]] = [AnswerSettings, LimitSettings, KeySettings, GateSettings, ServeSettings, DevSettings]
GROUPS = ("answers", "limits", "key", "gate")
SETTINGS = [(kind, field) for kind in KINDS for field in fields(kind) if field.name not in GROUPS]


def _parameter(kind: type[Any], field: Field[Any]) -> Parameter:
    hints = get_type_hints(kind, include_extras=True)
    [parameter] = [extra for extra in get_args(hints[field.name]) if isinstance(extra, Parameter)]
    return parameter


def _id(value: object) -> str:
    return value.name if isinstance(value, Field) else getattr(value, "__name__", str(value))


@pytest.mark.parametrize("kind,field", SETTINGS, ids=_id)
def test_a_settings_variable_is_its_name(kind: type[Any], field: Field[Any]) -> None:
    assert list(_parameter(kind, field).env_var or ()) == [f"WABLOCK_{field.name.upper()}"]


@pytest.mark.parametrize("kind,field", SETTINGS, ids=_id)
def test_the_help_of_a_setting_is_a_sentence(kind: type[Any], field: Field[Any]) -> None:
    help_text = _parameter(kind, field).help

    assert help_text is not None
    assert help_text.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_has_a_default(kind: type[Any]) -> None:
    assert kind() == kind()


@pytest.mark.parametrize("host", [ServeSettings().host, DevSettings().host])
def test_a_server_listens_only_on_this_machine_by_default(host: str) -> None:
    assert host == "127.0.0.1"


@pytest.mark.parametrize(
    "name", ["plain.db", "with space.db", "50%25.db", "a#b?c=d.db", "ümlaut.db", "quote'.db", "a//b"]
)
async def test_the_url_of_a_file_names_that_file_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    store = open_store(file_url(tmp_path / name), CountingMeter())
    await store.close()

    assert (tmp_path / name).is_file()


def test_a_relative_file_is_in_the_current_folder() -> None:
    assert file_url(Path("wablock.db")) == file_url(Path.cwd() / "wablock.db")


def test_the_default_database_is_in_the_users_data_folder() -> None:
    assert default_database().startswith("sqlite:////")
    assert default_database().endswith("/wablock/wablock.db")
