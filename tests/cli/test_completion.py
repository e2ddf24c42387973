"""`wablock completion`, in a real bash."""

import pytest
from tests.cli.command import WABLOCK, environment, run, run_bytes


def _completed(*words: str) -> set[str]:
    """The texts that bash offers for the last of `words`."""
    typed = " ".join(f"'{word}'" for word in ("wablock", *words))
    script = f"""
eval "$({WABLOCK} completion bash)"
COMP_WORDS=({typed})
COMP_CWORD={len(words)}
"$(complete -p wablock | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    status, output, errors = run_bytes("bash", "-c", script, stdin=b"", variables=environment())
    assert (status, errors) == (0, "")
    return set(output.split())


@pytest.mark.parametrize(
    "words, offered",
    [
        (("blo",), {"block", "blocklist"}),
        (("number", ""), {"add", "list", "remove", "set"}),
        (("block", "--un"), {"--until"}),
        (("number", "remove", "--y"), {"--yes"}),
        (("dev", "--rules", ""), {"open", "meta"}),
        (("completion", ""), {"bash", "zsh", "fish", "powershell"}),
    ],
)
def test_bash_completes_commands_options_and_choices(words: tuple[str, ...], offered: set[str]) -> None:
    assert _completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_gets_a_script_with_all_commands(shell: str) -> None:
    script = run("completion", shell)

    assert script.returncode == 0
    assert all(name in script.stdout for name in ("block", "upstream", "until", "with-made"))
