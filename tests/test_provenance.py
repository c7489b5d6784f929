"""What results depend on: pytest tests/test_provenance.py."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

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
