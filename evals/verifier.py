"""Grades what an agent left behind: the task's tests are run (`evals.testing`), and what they wrote is a verdict."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from evals import testing, verdict
from evals.readiness import brought_up
from evals.reward import EnvironmentBroken, Graded, VerifierError, VerifierTimeout
from sandbox.base import SandboxError, SealUnavailable
from sandbox.interpreter import hint
from sandbox.observation import State
from sandbox.redaction import Redaction
from sandbox.terminal import TerminalLost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evals.artifacts import Taken
    from evals.task import Verifier
    from evals.testing import Ran
    from sandbox.base import Environment, Sandbox
    from sandbox.terminal import Terminal

LOGS = (testing.WRITTEN, "/logs/agent", "/logs/artifacts")
"""The folders that Harbor's tasks expect, open to everyone."""
_AT_PROMPT = (State.PROMPT, State.RESTARTED)
_GIVE_BACK = ("C-c", "C-d", "C-z")
"""What ends or stops most programs; the first also takes away a line that was not sent."""
_GIVING_BACK = 3.0
"""Seconds for each of them."""
_OWN_SHELL = "the tests ran in the agent's own shell, as the task asks: it could have changed what they run with"


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
        ran = await testing.run_sealed(verifier, sandbox, restarted=restarted, since=since)
    except SealUnavailable as error:
        if restarted:
            await testing.end_all(sandbox)
        await testing.put_in(verifier, sandbox)
        ran = await testing.run(verifier, sandbox)
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
            # A limit of ours, or nothing that the agent did.
            raise VerifierError(f"{artifact.artifact.source} cannot be carried to the tests: {artifact.problem}")
    await brought_up(sandbox, environment)
    try:
        for artifact in taken:
            if artifact.archive:
                await sandbox.put(artifact.archive)
        await testing.put_in(verifier, sandbox)
        return _graded(verifier, await testing.run(verifier, sandbox), folder)
    finally:
        await sandbox.__aexit__(None, None, None)


async def was_taken_away(verifier: Verifier, sandbox: Sandbox, fresh: Sandbox, environment: Environment) -> bool:
    """Whether a sandbox has lost the program that runs the tests.

    Args:
        verifier: how the step is judged.
        sandbox: in which the agent worked.
        fresh: not yet entered.
        environment: that of both.
    """
    with contextlib.suppress(SandboxError):  # then nobody knows
        if await testing.runs(verifier, sandbox):
            return False
        await brought_up(fresh, environment)
        try:
            return await testing.runs(verifier, fresh)
        finally:
            await fresh.__aexit__(None, None, None)
    return False


async def verify_in_terminal(verifier: Verifier, terminal: Terminal, folder: Path) -> Graded:
    """Type a step's tests into the agent's own terminal, as some tasks need what its shell knows; see `verify`.

    Where no shell takes them, the agent has left none.
    """
    await testing.put_in(verifier, terminal.sandbox)
    try:
        if not await _given_back(terminal):
            raise EnvironmentBroken("the tests could not be typed: what the agent left in its terminal does not end")
        ran = await _typed(verifier, terminal)
    except TerminalLost as error:
        raise EnvironmentBroken(f"the tests could not be typed: {error}") from error
    if f"{testing.WRITTEN}/{testing.PRINTED}" not in ran.files and not ran.notes:
        raise EnvironmentBroken("the tests were typed, and the agent's shell did not begin them")
    return _graded(verifier, ran._replace(notes=(*ran.notes, _OWN_SHELL)), folder)


async def _given_back(terminal: Terminal) -> bool:
    """Have the shell back from whatever is in front, and say whether it came."""
    for key in _GIVE_BACK:
        if (await terminal.type(key, _GIVING_BACK)).state in _AT_PROMPT:
            return True
    return False


async def _typed(verifier: Verifier, terminal: Terminal) -> Ran:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + verifier.timeout
    line = f"bash {testing.TESTS}/{verifier.script} >{testing.WRITTEN}/{testing.PRINTED} 2>&1\n"
    seen = await terminal.type(line, verifier.timeout)
    while seen.state not in _AT_PROMPT:
        if (left := deadline - loop.time()) <= 0:
            break
        seen = await terminal.type("", left)
    ran = await testing.written(verifier, terminal.sandbox, seen.exit_code)
    return ran._replace(late=deadline < loop.time())


def _graded(verifier: Verifier, ran: Ran, folder: Path) -> Graded:
    place = verifier.verdict.folder or testing.WRITTEN
    printed = ran.files.get(f"{testing.WRITTEN}/{testing.PRINTED}", b"").decode("utf-8", "replace")
    told = {path.removeprefix(f"{place}/"): file for path, file in ran.files.items() if path.startswith(f"{place}/")}
    _keep({path.removeprefix(f"{testing.WRITTEN}/").lstrip("/"): file for path, file in ran.files.items()}, folder)
    said = verdict.said(verifier, printed, told)
    try:
        if ran.late:
            raise VerifierTimeout(f"the tests were not done within {verifier.timeout:g} s")
        return Graded(verdict.read(verifier, printed, told), said, ran.notes)
    except VerifierError as error:
        ended = f"; the tests ended with exit code {ran.exit_code}" if ran.exit_code else ""
        last = printed.strip()[-300:].splitlines()[-1:]
        said_last = "; the tests' last line: ".join([f"{error}{ended}", *last])
        hinted = hint(verifier.script, testing.script(verifier))
        worded = type(error)(f"{said_last}; {hinted}" if hinted else said_last)
        worded.ungraded = Graded(verdict.ungraded(verifier), said, ran.notes, str(error))
        raise worded from error


def _keep(files: Mapping[str, bytes], folder: Path) -> None:
    redaction = Redaction()  # tests may be given a key, to ask a model of their own
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(redaction.bytes(content))
