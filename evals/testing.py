"""Running a task's tests in a sandbox: they are put in, run, what they wrote is read once, and all is taken away.

Tests are put in when the agent is done. They run with the environment of the image and the task, nothing of the agent's
shell. Where the sandbox can seal them in (`sandbox.base.Sandbox.sealed`), nothing that the agent left running reaches
the tests or what they write.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from evals.reward import EnvironmentBroken, Tampered, VerifierError
from evals.task import Verdict, resolved
from sandbox.archive import Archive
from sandbox.base import SandboxError, SandboxTimeout
from sandbox.interpreter import command, interpreter

if TYPE_CHECKING:
    from evals.task import Verifier
    from sandbox.base import Sandbox

TESTS, WRITTEN, PRINTED = "/tests", "/logs/verifier", "test-stdout.txt"
"""Where the tests are, where they write, and what of that holds what they printed."""
_FILES_LIMIT, _REWARD_LIMIT = 20_000_000, 1_000_000
_REWARDS = ("reward.json", "reward.txt", "rewards.json")
_EMPTY = 'for folder; do rm -rf "$folder" && mkdir -p "$folder" && chmod 777 "$folder" || exit 1; done'
_KILL = "kill -9 -1"  # all that can be killed but itself, and without a process for it
_TRIES = 3
_TRY = 'exec "$@" </dev/null >/dev/null 2>&1'
_TRYING = 20.0
"""Seconds."""
_NOT_STARTED = (126, 127)
"""Exit codes of a shell that could not start a program."""
# The tests are the verifier's alone, where that is root; nobody else may look at them.
_RUN = f'chmod 700 {TESTS} 2>/dev/null; exec "$@" >{WRITTEN}/{PRINTED} 2>&1'


class Ran(NamedTuple):
    """What a run of the tests left."""

    files: dict[str, bytes]
    """By their absolute paths."""
    exit_code: int | None
    notes: tuple[str, ...] = ()
    late: bool = False
    """Whether they were ended as their time was over."""


async def run_sealed(verifier: Verifier, sandbox: Sandbox, *, restarted: bool, since: float | None) -> Ran:
    """Run the tests where nothing else reaches them; see `evals.verifier.verify`."""
    folders = tuple(dict.fromkeys((TESTS, WRITTEN, verifier.verdict.folder or WRITTEN)))
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
        raise VerifierError("; ".join(["what ran the tests was killed", *notes]))
    if ran.problem:
        raise EnvironmentBroken(f"the tests could not be started: {ran.problem}")
    return Ran(dict(ran.files), ran.exit_code, notes, ran.late)


async def end_all(sandbox: Sandbox) -> None:
    """End every process but the sandbox's own."""
    await sandbox.exec(["sh", "-c", _KILL], timeout=60, user="root")


async def put_in(verifier: Verifier, sandbox: Sandbox) -> None:
    """Put the tests in; where the agent left no room for one more process, what it left is ended first."""
    folders = [WRITTEN, verifier.verdict.folder or WRITTEN, *([TESTS] if verifier.tests else [])]
    for _ in range(_TRIES):
        cleared = await sandbox.exec(["sh", "-c", _EMPTY, "sh", *folders], timeout=60, user="root")
        if cleared.exit_code == 0:
            break
        await end_all(sandbox)
    else:
        raise EnvironmentBroken(f"the place for the tests could not be cleared: {cleared.output.strip()[-300:]}")
    await sandbox.put(_tests(verifier).done())


async def run(verifier: Verifier, sandbox: Sandbox) -> Ran:
    """Run the tests that `put_in` has put there."""
    env = resolved(verifier.env, "verifier.env")
    code, late = None, False
    try:
        ran = await sandbox.exec(_command(verifier), timeout=verifier.timeout, user=verifier.user, env=env)
        code = ran.exit_code
    except SandboxTimeout:
        late = True
    return (await written(verifier, sandbox, code))._replace(late=late)


async def written(verifier: Verifier, sandbox: Sandbox, exit_code: int | None) -> Ran:
    """Read once what the tests wrote, and take it and the tests away."""
    files: dict[str, bytes] = {}
    notes: tuple[str, ...] = ()
    for place in dict.fromkeys((WRITTEN, verifier.verdict.folder or WRITTEN)):
        try:
            found = await sandbox.get(place, _FILES_LIMIT)
        except FileNotFoundError:
            continue
        except SandboxError as error:  # too much to keep, which says nothing about the verdict
            notes = (f"not all that the tests wrote is kept: {error}",)
            found = await _rewards(sandbox)
        files |= {f"{place}/{name}": content for name, content in found.items()}
    await sandbox.exec(["sh", "-c", f"rm -rf {TESTS}; {_EMPTY}", "sh", WRITTEN], timeout=60, user="root")
    return Ran(files, exit_code, notes)


async def _rewards(sandbox: Sandbox) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in _REWARDS:
        with contextlib.suppress(FileNotFoundError):
            found |= await sandbox.get(f"{WRITTEN}/{name}", _REWARD_LIMIT)
    return found


def _tests(verifier: Verifier) -> Archive:
    archive = Archive(time.time())
    for folder in verifier.tests:
        if folder.is_dir():
            archive.tree(folder, TESTS.lstrip("/"), 0o755)
        else:
            archive.file(f"{TESTS.lstrip('/')}/{folder.name}", folder.read_bytes(), 0o755)
    return archive


def _command(verifier: Verifier) -> list[str]:
    path = f"{TESTS}/{verifier.script}"  # Harbor's run by themselves, Terminal-Bench's by bash
    words = command(path, script(verifier)) if verifier.verdict is Verdict.REWARD else ["bash", path]
    return ["/bin/sh", "-c", _RUN, "sh", *words]


def script(verifier: Verifier) -> bytes:
    """Return what of the tests is run; empty where the tests' own environment brings it."""
    for source in reversed(verifier.tests):
        path = source / verifier.script if source.is_dir() else source
        if path.name == verifier.script and path.is_file():
            return path.read_bytes()
    return b""


def program(verifier: Verifier) -> list[str]:
    """Return the program that runs the tests, with its arguments."""
    by_itself = verifier.verdict is Verdict.REWARD and not verifier.same_shell
    return (interpreter(script(verifier)) if by_itself else []) or ["bash"]


async def runs(verifier: Verifier, sandbox: Sandbox) -> bool:
    """Whether a sandbox has the program that runs the tests."""
    argv = ["sh", "-c", _TRY, "sh", *program(verifier), "/dev/null"]
    try:
        tried = await sandbox.exec(argv, timeout=_TRYING, user=verifier.user)
    except SandboxTimeout:
        return True
    return tried.exit_code not in _NOT_STARTED
