"""What results depend on: pytest tests/test_provenance.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from evals import plugin
from tests.child import ROOT
from tests.fakes import make_task

if TYPE_CHECKING:
    from pathlib import Path

MINE = """
from agent.base import StopReason
from agent.trajectory import Trajectory

class Mine:
    def __init__(self, model, *, limits=None, journal=None):
        self.trajectory = Trajectory("mine", "1", journal=journal)

    async def run(self, instruction, terminal):
        await terminal.type("echo {words} > out\\n", duration=10)
        return StopReason.COMPLETED
"""


def termstone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evals.cli", *words]
    path = {"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=path, check=False)


def test_a_package_is_its_modules_and_nothing_else_that_lies_there(tmp_path: Path) -> None:
    folder = tmp_path / "a_package_of_mine"
    (folder / "deep").mkdir(parents=True)
    for name in ("__init__.py", "mine.py", "deep/__init__.py", "deep/more.py"):
        (folder / name).write_text("")
    sys.path.insert(0, str(tmp_path))
    try:
        before = plugin.digest("a_package_of_mine.mine:Mine")
        (folder / ".#mine.py").symlink_to("user@host.1:1")
        (folder / "z.py").mkdir()
        (folder / "jobs").mkdir()
        (folder / "jobs" / "artifact.py").write_text("")
        os.mkfifo(folder / "pipe.py")
        assert plugin.digest("a_package_of_mine.mine:Mine") == before
        (folder / "deep" / "more.py").write_text("x = 1")
        assert plugin.digest("a_package_of_mine.mine:Mine") != before
    finally:
        sys.path.remove(str(tmp_path))


def test_an_agent_that_was_edited_is_another_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_task(tmp_path / "tasks" / name)
    for job, said in (("bad", "bye"), ("good", "hello")):
        (tmp_path / "mine.py").write_text(MINE.replace("{words}", said))
        ran = termstone(tmp_path, "run", "tasks", "--agent", "mine:Mine", "--sandbox", "local", "-o", job)
        assert ran.returncode == 0, ran.stderr
    digests = [json.loads((tmp_path / job / "job.json").read_text())["lock"]["plugins"] for job in ("bad", "good")]
    labels = [f"code of mine:Mine={digest['mine:Mine'][:12]}" for digest in digests]
    assert labels[0] != labels[1]
    compared = termstone(tmp_path, "compare", "bad", "good")
    assert compared.stdout.split("\n")[0].startswith(f"{labels[1]} against {labels[0]}"), compared.stderr
    refused = termstone(tmp_path, "resume", "bad")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "changed since the job was begun: mine:Mine; --force goes on all the same" in refused.stderr
