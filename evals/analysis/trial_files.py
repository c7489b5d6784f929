"""What a trial left in its folder, whichever harness ran it: steps, recording, what the verifier said."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.analysis.atif import LARGEST, Document, TrajectoryError, read_trajectory
from evals.analysis.job_record import RecordError, read_object
from evals.analysis.jobs import read_jobs
from evals.analysis.screens import Moment, read_moments
from evals.job_folder import runs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.analysis.job_record import TrialRecord

TRAJECTORIES = ("trajectory.json", "agent/trajectory.json", "journal.jsonl")
_RECORDINGS = ("terminal.cast", "agent/recording.cast", "sessions/agent.cast")
_VERDICTS = ("verifier/test-stdout.txt", "verifier/output.txt", "panes/post-test.txt")
_RESULTS = ("result.json", "results.json")
_JOBS = ("job.json", "run_metadata.json")
_SIGNS = (*TRAJECTORIES, "verifier", "panes", "turn-1", "steps")
_VERDICT = 20_000
"""Characters of what the verifier said that are kept, from its end."""
_LARGEST = 64_000_000
"""Bytes of a recording that is played."""
_CONTINUATIONS = 100
"""Files that one trajectory may go on in."""


class Part(NamedTuple):
    """One run of the agent: the trial, or one of its steps or turns where it has several; or what it goes on in."""

    name: str
    """The step's, the turn's (``turn-1``) or both (``build/turn-1``), and then ``cont-1`` for what it goes on in; empty
    for the trial itself."""
    document: Document | None
    problem: str | None
    """Why there are no steps to show."""
    moments: list[Moment]
    """The terminal's recording; empty when there is none."""
    verdict: str
    """The end of what the verifier printed."""
    continues: bool = False
    """Whether it is what the part before it goes on in."""


class TrialFiles(NamedTuple):
    """All that can be shown of a trial."""

    result: dict[str, Any]
    """What stands in its result file; empty without one."""
    parts: tuple[Part, ...]
    tries: tuple[str, ...]
    """Folders of earlier tries, which came to nothing."""


def read_trial(folder: Path) -> TrialFiles:
    """Read a trial's folder, or a trajectory file alone; nothing but files is opened, and nothing is run.

    Raises:
        TrajectoryError: there is nothing to show.
    """
    if folder.is_file():
        return TrialFiles({}, tuple(_with_continuations(Part("", read_trajectory(folder), None, [], ""), folder)), ())
    own, *below = runs_of(folder)
    steps = [_parts(path, path.relative_to(folder).as_posix().removeprefix("steps/")) for path in below]
    found = [_parts(own, ""), *sorted(steps, key=_begun)]
    shown = [part for part in chain(*found) if part.document or part.moments or part.verdict or part.continues]
    try:
        result = next((read_object(path) for path in _existing(folder, _RESULTS)), {})
    except RecordError:
        result = {}
    if not shown and not result:
        raise TrajectoryError(f"{folder} holds no trial: neither result.json nor a trajectory is in it")
    tries = sorted(path.name for path in folder.glob("try-*") if path.is_dir())
    return TrialFiles(result, tuple(shown or found[0]), tuple(tries))


def is_trial(path: Path) -> bool:
    """Whether this is one trial, or a trajectory file, and not a job of several."""
    if path.is_file():
        return True
    if any((path / name).is_file() for name in _JOBS):
        return False
    lone = bool(_existing(path, _RESULTS)) and not any(path.glob("*/result.json"))
    return lone or any((path / name).exists() for name in _SIGNS)


def record_of(folder: Path) -> TrialRecord | None:
    """Find what a trial's folder came to, in the job around it; ``None`` when there is no such job."""
    whole = folder.resolve()
    for around in whole.parents[:2]:
        try:
            jobs = read_jobs(around)
        except RecordError:
            continue
        trials = (trial for job in jobs for trial in job.trials)
        found = next((trial for trial in trials if trial.folder and trial.folder.resolve() == whole), None)
        if found:
            return found
    return None


def _parts(folder: Path, name: str) -> list[Part]:
    """Read a run, with all that it goes on in; what the verifier said stands at its end."""
    document, problem, path = None, "the agent left no trajectory", folder
    for path in _existing(folder, TRAJECTORIES):
        try:
            document, problem = read_trajectory(path), ""
            break
        except TrajectoryError as error:
            problem = str(error)
    recordings = _existing(folder, _RECORDINGS)
    moments = read_moments(recordings[0]) if recordings and recordings[0].stat().st_size <= _LARGEST else []
    verdicts = _existing(folder, _VERDICTS)
    parts = list(_with_continuations(Part(name, document, problem or None, moments, ""), path))
    parts[-1] = parts[-1]._replace(verdict=_end(verdicts[0]) if verdicts else "")
    return parts


def _with_continuations(part: Part, path: Path) -> Iterator[Part]:
    """Follow a trajectory through the files that it goes on in, one after the other, which lie beside it."""
    yield part
    document, read = part.document, [path.resolve()]
    while document and document.continued_trajectory_ref:
        name = "/".join(filter(None, (part.name, f"cont-{len(read)}")))
        try:
            path = _following(path, document.continued_trajectory_ref, read)
            document = read_trajectory(path)
        except TrajectoryError as error:
            yield Part(name, None, str(error), [], "", continues=True)
            return
        read.append(path.resolve())
        yield Part(name, document, None, [], "", continues=True)


def _following(path: Path, name: str, read: list[Path]) -> Path:
    """Find the file that a trajectory goes on in: beside it and nowhere else, and not without end."""
    plain = Path(name).name == name and name.isprintable()
    whole = Path(os.path.realpath(path.with_name(name) if plain else path.parent))  # `resolve` fails in circles
    if whole.parent != path.resolve().parent:
        raise TrajectoryError(f"it goes on in {name[:80]!r}, which does not lie beside {path}")
    if whole in read:
        raise TrajectoryError(f"it goes on in {path.with_name(name)}, which comes before it")
    if len(read) > _CONTINUATIONS or sum(one.stat().st_size for one in read) > LARGEST:
        raise TrajectoryError(f"it goes on in {path.with_name(name)}, and what comes before is long enough")
    return path.with_name(name)


def _begun(parts: list[Part]) -> tuple[str, str]:
    """Order steps by time, and by name where that is not known."""
    steps = parts[0].document.steps if parts[0].document else []
    return (steps[0].timestamp if steps else None) or "~", parts[0].name


def _existing(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [path for path in (folder / name for name in names) if path.is_file()]


def _end(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4 * _VERDICT))
        return file.read().decode("utf-8", "replace")[-_VERDICT:]
