"""Grades what an agent left behind: the task's tests go in, run, and give a verdict.

Tests are put in when the agent is done, and taken out again. They run with the environment of the image and the task,
nothing of the agent's shell. Where the sandbox can seal them in (`sandbox.base.Sandbox.sealed`), nothing that the agent
left running reaches the tests or what they write.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from evals import verdict
from evals.readiness import brought_up
from evals.reward import EnvironmentBroken, Tampered, VerifierError, VerifierTimeout
from evals.task import Verdict, resolved
from sandbox.archive import Archive
from sandbox.base import SandboxError, SandboxTimeout, SealUnavailable
from sandbox.observation import State
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evals.artifacts import Taken
    from evals.task import Verifier
    from sandbox.base import Environment, Sandbox
    from sandbox.terminal import Terminal

LOGS = ("/logs/verifier", "/logs/agent", "/logs/artifacts")
"""The folders that Harbor's tasks expect, open to everyone."""
_TESTS, _WRITTEN, _PRINTED = "/tests", LOGS[0], "test-stdout.txt"
_FILES_LIMIT, _REWARD_LIMIT = 20_000_000, 1_000_000
_REWARDS = ("reward.json", "reward.txt", "rewards.json")
_EMPTY = 'for folder; do rm -rf "$folder" && mkdir -p "$folder" && chmod 777 "$folder" || exit 1; done'
_KILL = "kill -9 -1"  # all that can be killed but itself, and without a process for it
_TRIES = 3
# The tests are the verifier's alone, where that is root; nobody else may look at them.
_RUN = f'chmod 700 {_TESTS} 2>/dev/null; exec "$@" >{_WRITTEN}/{_PRINTED} 2>&1'


class Graded(NamedTuple):
    """What the tests gave."""

    rewards: dict[str, float]
    printed: str
    notes: tuple[str, ...] = ()
    """What the grading does not protect from, and what was found on the way."""


class _Ran(NamedTuple):
    """What a run of the tests left."""

    files: dict[str, bytes]
    """By their absolute paths."""
    exit_code: int | None
    notes: tuple[str, ...] = ()
    late: bool = False
    """Whether they were ended as their time was over."""


async def verify(
    verifier: Verifier, sandbox: Sandbox, folder: Path, *, restarted: bool = False, since: float | None = None
) -> Graded:
    """Run a step's tests in the sandbox that the agent worked in.

    Whatever the agent had put where tests and verdicts go does not count. The tests' exit code means nothing; only the
    verdict does, which is read once. What the tests wrote is kept.

    Args:
        verifier: how the step is judged.
        sandbox: where.
        folder: where the tests' files are kept.
        restarted: whether all that the agent left running is ended first, and what the tests are run with must be as
            it was.
        since: when the agent began, in seconds since 1970.

    Raises:
        VerifierError: one of its kinds: no usable verdict, tests that hang or cannot be run.
        SandboxError: the sandbox broke.
    """
    try:
        ran = await _sealed(verifier, sandbox, restarted=restarted, since=since)
    except SealUnavailable as error:
        if restarted:
            await sandbox.exec(["sh", "-c", _KILL], timeout=60, user="root")
        await _put_in(verifier, sandbox)
        ran = await _run(verifier, sandbox)
        ran = ran._replace(notes=(f"what the agent left running could reach the tests: {error}",))
    return _graded(verifier, ran, folder)


async def verify_apart(
    verifier: Verifier, sandbox: Sandbox, environment: Environment, taken: Sequence[Taken], folder: Path
) -> Graded:
    """Run a step's tests in a new sandbox, to which only the artifacts are carried; see `verify`.

    Args:
        verifier: how the step is judged.
        sandbox: not yet entered.
        environment: the new sandbox's.
        taken: the artifacts, which go where they came from.
        folder: where the tests' files are kept.
    """
    for artifact in taken:
        if artifact.problem and not artifact.missing:
            raise EnvironmentBroken(f"{artifact.artifact.source} cannot be graded: {artifact.problem}")
    await brought_up(sandbox, environment)
    try:
        for artifact in taken:
            if artifact.archive:
                await sandbox.put(artifact.archive)
        await _put_in(verifier, sandbox)
        return _graded(verifier, await _run(verifier, sandbox), folder)
    finally:
        await sandbox.__aexit__(None, None, None)


async def verify_in_terminal(verifier: Verifier, terminal: Terminal, folder: Path) -> Graded:
    """Type a step's tests into the agent's own terminal, as some tasks need what its shell knows; see `verify`."""
    sandbox = terminal.sandbox
    await _put_in(verifier, sandbox)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + verifier.timeout
    line = f"bash {_TESTS}/{verifier.script} >{_WRITTEN}/{_PRINTED} 2>&1\n"
    seen = await terminal.type(line, verifier.timeout)
    while seen.state not in (State.PROMPT, State.RESTARTED):
        if (left := deadline - loop.time()) <= 0:
            break
        seen = await terminal.type("", left)
    ran = (await _written(verifier, sandbox, seen.exit_code))._replace(late=deadline < loop.time())
    note = "the tests ran in the agent's own shell, as the task asks: it could have changed what they run with"
    return _graded(verifier, ran._replace(notes=(note,)), folder)


async def _sealed(verifier: Verifier, sandbox: Sandbox, *, restarted: bool, since: float | None) -> _Ran:
    folders = tuple(dict.fromkeys((_TESTS, _WRITTEN, verifier.verdict.folder or _WRITTEN)))
    ran = await sandbox.sealed(
        _command(verifier),
        _tests(verifier).done(),
        folders=folders,
        kept=folders[1:],
        limit=_FILES_LIMIT,
        timeout=verifier.timeout,
        user=verifier.user,
        env=resolved(verifier.env, "verifier.env"),
        alone=restarted,
        since=since,
    )
    touched = f"what tests are run with was changed: {', '.join(ran.changed)}"
    if ran.changed and restarted:
        raise Tampered(touched)
    notes = (*ran.notes, *([touched] if ran.changed else []))
    if ran.killed:
        raise VerifierError("what ran the tests was killed")
    if ran.problem:
        raise EnvironmentBroken(f"the tests could not be started: {ran.problem}")
    return _Ran(dict(ran.files), ran.exit_code, notes, ran.late)


async def _put_in(verifier: Verifier, sandbox: Sandbox) -> None:
    """Put the tests in; where the agent left no room for one more process, what it left is ended first."""
    folders = [_WRITTEN, verifier.verdict.folder or _WRITTEN, *([_TESTS] if verifier.tests else [])]
    for _ in range(_TRIES):
        cleared = await sandbox.exec(["sh", "-c", _EMPTY, "sh", *folders], timeout=60, user="root")
        if cleared.exit_code == 0:
            break
        await sandbox.exec(["sh", "-c", _KILL], timeout=60, user="root")
    else:
        raise EnvironmentBroken(f"the place for the tests could not be cleared: {cleared.output.strip()[-300:]}")
    await sandbox.put(_tests(verifier).done())


def _tests(verifier: Verifier) -> Archive:
    archive = Archive(time.time())
    for folder in verifier.tests:
        if folder.is_dir():
            archive.tree(folder, _TESTS.lstrip("/"), 0o755)
        else:
            archive.file(f"{_TESTS.lstrip('/')}/{folder.name}", folder.read_bytes(), 0o755)
    return archive


def _command(verifier: Verifier) -> list[str]:
    script = f"{_TESTS}/{verifier.script}"  # Harbor's run by themselves, Terminal-Bench's by bash
    return ["/bin/sh", "-c", _RUN, "sh", *(["bash"] if verifier.verdict is not Verdict.REWARD else []), script]


async def _run(verifier: Verifier, sandbox: Sandbox) -> _Ran:
    env = resolved(verifier.env, "verifier.env")
    code, late = None, False
    try:
        ran = await sandbox.exec(_command(verifier), timeout=verifier.timeout, user=verifier.user, env=env)
        code = ran.exit_code
    except SandboxTimeout:
        late = True
    return (await _written(verifier, sandbox, code))._replace(late=late)


async def _written(verifier: Verifier, sandbox: Sandbox, exit_code: int | None) -> _Ran:
    """Read once what the tests wrote, and take it and the tests away."""
    files: dict[str, bytes] = {}
    notes: tuple[str, ...] = ()
    for place in dict.fromkeys((_WRITTEN, verifier.verdict.folder or _WRITTEN)):
        try:
            found = await sandbox.get(place, _FILES_LIMIT)
        except FileNotFoundError:
            continue
        except SandboxError as error:  # too much to keep, which says nothing about the verdict
            notes = (f"not all that the tests wrote is kept: {error}",)
            found = await _rewards(sandbox)
        files |= {f"{place}/{name}": content for name, content in found.items()}
    await sandbox.exec(["sh", "-c", f"rm -rf {_TESTS}; {_EMPTY}", "sh", _WRITTEN], timeout=60, user="root")
    return _Ran(files, exit_code, notes)


async def _rewards(sandbox: Sandbox) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in _REWARDS:
        with contextlib.suppress(FileNotFoundError):
            found |= await sandbox.get(f"{_WRITTEN}/{name}", _REWARD_LIMIT)
    return found


def _graded(verifier: Verifier, ran: _Ran, folder: Path) -> Graded:
    place = verifier.verdict.folder or _WRITTEN
    printed = ran.files.get(f"{_WRITTEN}/{_PRINTED}", b"").decode("utf-8", "replace")
    told = {path.removeprefix(f"{place}/"): file for path, file in ran.files.items() if path.startswith(f"{place}/")}
    _keep({path.removeprefix(f"{_WRITTEN}/").lstrip("/"): file for path, file in ran.files.items()}, folder)
    try:
        if ran.late:
            raise VerifierTimeout(f"the tests were not done within {verifier.timeout:g} s")
        return Graded(verdict.read(verifier, printed, told), printed, ran.notes)
    except VerifierError as error:
        ended = f"; the tests ended with exit code {ran.exit_code}" if ran.exit_code else ""
        last = printed.strip()[-300:].splitlines()[-1:]
        raise type(error)("; the tests' last line: ".join([f"{error}{ended}", *last])) from error


def _keep(files: Mapping[str, bytes], folder: Path) -> None:
    redaction = Redaction()  # tests may be given a key, to ask a model of their own
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(redaction.bytes(content))
