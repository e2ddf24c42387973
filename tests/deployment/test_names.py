"""The variables, flags and pages in the deployment files exist."""

import re
from pathlib import Path

import pytest
from tests.deployment.reading import ALL, DOCKERFILE, ROOT, known_flags, known_variables, variables_in


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    assert variables_in(path)
    assert variables_in(path) <= known_variables()


@pytest.mark.parametrize("path", [it for it in ALL if it != DOCKERFILE], ids=lambda path: path.name)
def test_every_flag_in_a_comment_is_one_of_serve(path: Path) -> None:
    flags = {flag for comment in re.findall(r"#(.*)", path.read_text()) for flag in re.findall(r"--[a-z-]+", comment)}

    assert flags
    assert flags <= known_flags()


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_page_in_a_comment_exists(path: Path) -> None:
    for page in re.findall(r"docs/\S+\.md", path.read_text()):
        assert (ROOT / page).exists(), page


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_deployment_file_has_a_secret_or_a_registrys_address(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"(?i)(password|secret[-_]key)['\"]?\s*[:=]\s*['\"]?[^\s'\"$%/{?]", text)
    assert "index-url" not in text
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
