"""The soak, as long as `make soak` has it: pytest tests/test_soak.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.child import ROOT
from tests.conftest import found


@pytest.fixture(autouse=True)
async def available(kind: str) -> None:
    """Skip where there is no such sandbox."""
    async with found(kind):
        pass


@pytest.mark.long
@pytest.mark.fault("F69")
def test_two_hundred_trials_with_random_faults_leak_nothing(kind: str) -> None:
    command = [sys.executable, "-m", "tests.soak", kind, "200"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    print(ran.stdout)  # noqa: T201 - numbers to look at
