"""The rooms and the direction between them: evals -> agent -> {prompts, sandbox}."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"prompts", "sandbox", "agent", "evals"}
ALLOWED = {
    "prompts": {"prompts"},
    "sandbox": {"sandbox"},
    "agent": {"agent", "prompts", "sandbox"},
    "evals": ROOMS,
}


def imported(path: Path) -> set[str]:
    """Name the top-level packages that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def modules(room: str) -> list[Path]:
    return [path for path in sorted((ROOT / room).rglob("*.py")) if "tasks" not in path.relative_to(ROOT).parts]


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_nothing_points_up(room: str) -> None:
    assert modules(room)
    for path in modules(room):
        wrong = (imported(path) & (ROOMS | {"tests"})) - ALLOWED[room]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_what_reads_jobs_is_used_by_the_command_line_alone() -> None:
    door = {"cli.py", "commands.py", "conclusion.py"}
    users = {path.name for path in (ROOT / "evals").glob("*.py") if "evals.analysis" in path.read_text()}
    assert users <= door, "what trials depend on must be in the lock's digest of the source"


def test_every_module_says_what_it_is_for() -> None:
    for room in ROOMS:
        for path in modules(room):
            assert ast.get_docstring(ast.parse(path.read_text())), path


def test_the_loop_knows_no_format_and_fits_one_sitting() -> None:
    text = (ROOT / "agent/loop.py").read_text()
    assert len(text.splitlines()) <= 200
    assert "json" not in text.lower()


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, evals.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\nprint(sorted(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for heavy in ("litellm", "docker", "scipy", "pydantic", "libtmux"):
        assert f"'{heavy}'" not in shown
