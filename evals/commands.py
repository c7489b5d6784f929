"""What each command of the command line does."""

from __future__ import annotations

import asyncio
import json
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from agent.loop import TerminalAgent
from agent.model import ModelError
from agent.oracle import NopAgent, OracleAgent
from agent.scripted import ScriptedModel, load_recording
from evals import display
from evals.cli import BAD_RESULT, BUNDLED, INVALID, OK, USAGE
from evals.harbor import load
from evals.job import Job, JobConfig, JobError, new_folder, read_config, read_results
from evals.result import Outcome, TrialResult
from evals.sandboxes import choose
from evals.task import Task, TaskError
from evals.trial import Plan
from sandbox.base import SandboxError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from agent.base import Agent
    from evals.task import BrokenTask

_console = Console(highlight=False)
_errors = Console(stderr=True, highlight=False)

MakeAgent = "Callable[[Task, Path], Agent]"


def run(arguments: argparse.Namespace) -> int:
    """Run an agent on tasks."""
    try:
        tasks = _usable(_load(arguments.paths))
        make_agent, close = _agent_maker(arguments)
        results, folder = asyncio.run(_run(arguments, tasks, make_agent, close))
    except (TaskError, JobError, SandboxError, ModelError) as error:
        return _refused(error)
    _console.print()
    display.show_results(_console, results)
    _say(f"Results: {folder}   Steps: termstone show {folder}/TASK/ATTEMPT")
    return INVALID if any(result.outcome is Outcome.INVALID for result in results) else OK
