"""Reads tasks of Terminal-Bench 1, and of LongCLI-Bench, which are the same with two graded sets of tests.

``task.yaml``, a compose file whose service ``client`` the agent works in, ``solution.sh`` or ``solution.yaml``,
``run-tests.sh`` and ``tests/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from evals import plain_yaml
from evals.task import Solution, Step, Task, TaskError, Typing, Verdict, Verifier
from evals.task_folder import first_problem, load_each, read_text
from evals.terminal_bench_compose import TESTS, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evals.task import BrokenTask

FILE = "task.yaml"
_SCRIPT = "run-tests.sh"

Seconds = Annotated[float, Field(ge=0, le=1e9)]
GradedSet = Literal["pytest", "text"] | None
Tags = Annotated[list[str], BeforeValidator(lambda tags: tags or [])]


class _TaskYaml(BaseModel):
    """``task.yaml``; keys that are not known are the task's own affair, as in Terminal-Bench."""

    model_config = ConfigDict(frozen=True, extra="allow")

    instruction: str | None = None
    descriptions: list[dict[str, Any]] = Field(default_factory=list)
    """How tasks of the first versions have their instruction, under the key ``base``."""
    tags: Tags = Field(default_factory=list)
    parser_name: Literal["pytest", "swebench", "sweperf", "swelancer", "mlebench", "long_cli"] = "pytest"
    parser_results_f2p: GradedSet = None
    parser_results_p2p: GradedSet = None
    max_agent_timeout_sec: Seconds = 360.0
    max_test_timeout_sec: Seconds = 60.0
    run_tests_in_same_shell: bool = False


class _SolutionLine(BaseModel):
    """One of the list in ``solution.yaml``."""

    command: str
    min_timeout_sec: Seconds = 0.0
    max_timeout_sec: Seconds = 180.0
    block: bool = False
    append_enter: bool = True


def load(path: Path) -> Iterator[Task | BrokenTask]:
    """Read one task folder, or each task folder right below a folder; see `load_each`."""
    return load_each(path, {FILE: read})


def read(name: str, folder: Path) -> Task:
    """Read the task of this name from its folder; `TaskError` says why it cannot be run rightly."""
    folder = folder.resolve()
    try:
        config = _TaskYaml.model_validate(plain_yaml.parse(FILE, read_text(folder / FILE), dict))
    except ValidationError as error:
        raise TaskError(f"{FILE}: {first_problem(error)}") from error
    if not (folder / _SCRIPT).is_file():
        raise TaskError(f"{_SCRIPT} is missing")
    tests = folder / "tests"
    verifier = Verifier(
        tests=(*([tests] if tests.is_dir() else []), folder / _SCRIPT),
        script=_SCRIPT,
        verdict=Verdict(config.parser_name),
        graded_sets=_graded_sets(config),
        timeout=config.max_test_timeout_sec,
        env={"TEST_DIR": TESTS},
        user="root",
        same_shell=config.run_tests_in_same_shell,
    )
    return Task(
        name=name,
        format="long-cli" if verifier.verdict is Verdict.LONG_CLI else "terminal-bench",
        path=folder,
        steps=(
            Step(
                instruction=_instruction(config),
                agent_timeout=config.max_agent_timeout_sec,
                verifier=verifier,
                solution=_solution(folder),
            ),
        ),
        environment=environment(name, folder),
        metadata={"tags": config.tags, **(config.model_extra or {})},
    )


def _instruction(config: _TaskYaml) -> str:
    described = {each.get("key"): each.get("description") for each in config.descriptions}
    text = config.instruction or described.get("base")
    if not isinstance(text, str) or not text.strip():
        raise TaskError(f"{FILE} has no instruction")
    return text


def _graded_sets(config: _TaskYaml) -> dict[Literal["f2p", "p2p"], Literal["pytest", "text"]]:
    if config.parser_name != "long_cli":
        return {}
    sets: dict[Literal["f2p", "p2p"], Literal["pytest", "text"]] = {}
    if config.parser_results_f2p:
        sets["f2p"] = config.parser_results_f2p
    if config.parser_results_p2p:
        sets["p2p"] = config.parser_results_p2p
    if not sets:
        raise TaskError(f"{FILE}: long_cli needs parser_results_f2p or parser_results_p2p")
    return sets


def _solution(folder: Path) -> Solution:
    if (folder / "solution.sh").is_file():
        return Solution(script=folder / "solution.sh", whole_folder=False)
    typed = folder / "solution.yaml"
    if not typed.is_file():
        return Solution()
    try:
        lines = [_SolutionLine.model_validate(line) for line in plain_yaml.parse(typed.name, read_text(typed), list)]
    except ValidationError as error:
        raise TaskError(f"{typed.name}: {first_problem(error)}") from error
    return Solution(
        typings=tuple(
            Typing(
                command=line.command,
                min_timeout=line.min_timeout_sec,
                max_timeout=line.max_timeout_sec,
                block=line.block,
                append_enter=line.append_enter,
            )
            for line in lines
        )
    )
