"""The parts of a build: images are pinned by digest, and packages are checked for known vulnerabilities."""

import json
import re
import subprocess
import sys
from typing import Any, Final

import pytest
from tests.deployment.reading import ROOT, compose, instructions, stages

_BY_DIGEST: Final = re.compile(r"[a-z]+:[0-9a-z.-]+@sha256:[0-9a-f]{64}")
_FLAW: Final = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": "a flaw"}


def test_every_image_of_the_build_is_named_by_its_digest() -> None:
    [default] = re.findall(r"^ARG PYTHON=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    images = {line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("FROM")}

    assert {_BY_DIGEST.fullmatch(image.replace("${PYTHON}", default)) is None for image in images} == {False}
    assert all(
        it.flags == ("--from=build",) for it in instructions(stages()[-1], "COPY")
    )  # no image comes in another way


def test_every_image_of_the_compose_file_is_built_here_or_named_by_its_digest() -> None:
    images = [service["image"] for service in compose()["services"].values() if "build" not in service]

    assert images
    assert all(_BY_DIGEST.fullmatch(image) for image in images)


def test_make_pins_resolves_the_pinned_tags() -> None:
    pinned = re.findall(r"(3[0-9.]+-slim|postgres:[0-9]+)@", (ROOT / "Dockerfile").read_text() + str(compose()))
    [resolved] = re.findall(r"for tag in (.*); do", (ROOT / "Makefile").read_text())

    assert {tag.removeprefix("python:") for tag in resolved.split()} == set(pinned)


def audited(report: Any, *, says: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the audit on this report."""
    text = report if isinstance(report, str) else json.dumps(report)
    auditor = f"import sys; sys.stdout.write({text!r}); sys.stderr.write({says!r}); sys.exit(1)"
    command = [sys.executable, str(ROOT / ".ci/audit"), sys.executable, "-c", auditor]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def package(name: str, *flaws: Any) -> Any:
    return {"name": name, "version": "1.0", "vulns": list(flaws)}


def test_a_known_vulnerability_fails_the_audit() -> None:
    audit = audited({"dependencies": [package("good"), package("bad", _FLAW)], "fixes": []})

    assert audit.returncode == 1
    assert "bad 1.0: PYSEC-2026-1, fixed in 2.0" in audit.stdout


def test_packages_without_a_known_vulnerability_pass_the_audit() -> None:
    audit = audited({"dependencies": [package("good"), package("better")], "fixes": []})

    assert (audit.returncode, audit.stdout) == (0, "audit: 2 packages checked, no known vulnerability\n")


def test_the_audit_passes_with_a_note_if_the_index_does_not_know_the_packages() -> None:
    unknown = [{"name": name, "skip_reason": "Dependency not found on PyPI"} for name in ("one", "two")]

    audit = audited({"dependencies": unknown, "fixes": []})

    assert audit.returncode == 0
    assert audit.stdout == "audit: not checked: the index knows nothing of 2 of 2 packages\n"


@pytest.mark.parametrize("report", ["", "<html>", "[]", '{"dependencies"'])
def test_the_audit_passes_with_a_note_if_the_index_does_not_answer(report: str) -> None:
    audit = audited(report, says="ERROR: could not connect to the index\n")

    assert audit.returncode == 0
    assert audit.stdout == "audit: not checked: ERROR: could not connect to the index\n"


def test_an_audit_that_cannot_run_passes_with_a_note() -> None:
    audit = subprocess.run(
        [sys.executable, ROOT / ".ci/audit", "/no/such/audit"], capture_output=True, text=True, check=False
    )

    assert audit.returncode == 0
    assert audit.stdout.startswith("audit: not checked: ")


def test_ci_audits_the_packages_of_a_server() -> None:
    commands = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert "make audit" in (ROOT / ".ci/run").read_text().splitlines()
    assert "--requirement requirements/server.txt" in commands
    assert "--vulnerability-service pypi" in commands
    assert "--timeout" in commands
