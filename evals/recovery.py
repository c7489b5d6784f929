"""What an earlier run of a job has left, mended where its files are damaged, so that the job can go on.

A damaged file is kept beside the new one as ``<name>.damaged-1``, ... Results are rebuilt from the job's journal,
``job.json`` too; trajectories from their own journals. What cannot be rebuilt is run again.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any

from agent.durable import read_lines, write_whole
from agent.model import NOTHING_USED, Usage
from agent.trajectory import Trajectory, read_journal
from evals.budget import total
from evals.job import Found
from evals.job_config import JobError
from evals.job_folder import CONFIG, JOURNAL, MOVING, runs_of, set_aside, trial_folder, tries
from evals.result import Outcome, TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evals.job import Event, Key

_DOCUMENT = ("config", "lock", "started", "directory", "left_out")
_RESULT, _TRAJECTORY, _TRIAL_JOURNAL = "result.json", "trajectory.json", "journal.jsonl"


class Recovery:
    """One look at a folder that is locked and that nobody works in."""

    def __init__(self, folder: Path) -> None:
        """Read what happened; nothing is changed before `document` and `found`."""
        self.folder = folder
        self.mended: list[str] = []
        """Files that were damaged, relative to the folder."""
        self._events = _events(folder / JOURNAL)

    def document(self) -> dict[str, Any]:
        """Return what stands, or stood, in ``job.json``.

        Raises:
            JobError: the folder is no job's, or nothing says any more what was asked for.
        """
        path = self.folder / CONFIG
        begun = next((e for e in reversed(self._events) if e.get("type") in ("job_begun", "job_resumed")), {})
        if not path.is_file() and not begun:
            raise JobError(f"{self.folder} is no job's folder: it has no {CONFIG}")
        document = _object(path)
        if document is None or not {"config", "lock"} <= document.keys():
            if not begun:
                raise JobError(f"{path} and {JOURNAL} are damaged: nothing says what was asked for; begin a new job")
            document = {name: begun[name] for name in _DOCUMENT if name in begun}
            if path.exists():
                self._quarantine(path)
            write_whole(path, json.dumps(document, indent=1) + "\n")
        if not begun:
            self._events = [{"type": "job_begun", "at": document.get("started"), **document}, *self._rebuilt()]
        self._mend_lines(self.folder / JOURNAL, self._events)
        return document

    def _rebuilt(self) -> Iterator[Event]:
        """Tell the ends of trials as a journal that is lost would have."""
        for path in sorted(self.folder.glob("*/*/result.json")):
            if result := _result(path.read_bytes()):
                facts = {"task": result.task, "attempt": result.attempt, "again": False}
                yield {"type": "trial_ended", "at": result.started, **facts, "result": result.model_dump(mode="json")}

    def found(self, keys: Iterable[Key], *, invalid_too: bool = False) -> Found:
        """Sort out each attempt: what is final stays, what a crash or a signal cut short is set aside.

        Args:
            keys: the attempts that the job has.
            invalid_too: run again also those that have ended as invalid.
        """
        told = {(e.get("task"), e.get("attempt")): e for e in self._events if e.get("type", "").startswith("trial_")}
        results: dict[Key, TrialResult] = {}
        spent: list[Usage] = []
        again = 0
        for key in keys:
            trial, event = trial_folder(self.folder, *key), told.get(key, {})
            if not trial.is_dir():
                continue
            if (trial / MOVING).exists():
                set_aside(trial)
            result = self._result(trial, event)
            dropped = event.get("again") and result and result.tries == event["result"]["tries"]
            if result and result.final and not dropped and not (invalid_too and result.outcome is Outcome.INVALID):
                results[key] = result
                for folder in runs_of(trial):
                    self._mend_trajectory(folder, result)
                spent.append(result.usage)
            elif result and not result.timing:  # it was never begun
                (trial / _RESULT).unlink()
            else:
                again += 1
                set_aside(trial)
            spent += [_spent(path) for path in sorted(trial.glob("try-*"))]
        return Found(results, total(spent), {}, {"finished": len(results), "again": again, "mended": self.mended})

    def _result(self, trial: Path, event: Event) -> TrialResult | None:
        path = trial / _RESULT
        kept = result = _result(path.read_bytes()) if path.is_file() else None
        if result is None and event.get("type") == "trial_ended" and not event.get("again"):
            result = _result(json.dumps(event.get("result")).encode())
            if result and result.tries != tries(trial) + 1:
                result = None  # of a try that was set aside since
        if path.exists() and kept is None:
            self._quarantine(path)
        if result and not path.exists():
            result.write(trial)
        return result

    def _mend_trajectory(self, folder: Path, result: TrialResult) -> None:
        journal, path = folder / _TRIAL_JOURNAL, folder / _TRAJECTORY
        steps = read_journal(journal) if journal.is_file() else []
        document = _object(path)
        if path.exists() and (document is None or "steps" not in document):
            self._quarantine(path)
        if not path.exists() and steps:
            rebuilt = Trajectory(result.agent, result.agent_version, result.model)
            rebuilt.steps, rebuilt.usage = steps, _used(journal)
            rebuilt.write(path)
        if journal.is_file():
            kept = [{"type": "step", **step} for step in (document or {}).get("steps", ())]
            self._mend_lines(journal, kept if len(steps) < len(kept) else list(read_lines(journal)))

    def _mend_lines(self, path: Path, good: Iterable[Event]) -> None:
        """Write a journal anew when it holds anything but whole lines."""
        if not path.is_file():
            return
        lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in good]
        content = path.read_bytes()
        whole = not content.startswith(BOM_UTF8) and content.endswith(b"\n") and content.count(b"\n") == len(lines)
        if not whole and (content or lines):
            self._quarantine(path)
            write_whole(path, "".join(lines))

    def _quarantine(self, path: Path) -> None:
        number = len(list(path.parent.glob(f"{path.name}.damaged-*"))) + 1
        self.mended.append(str(path.relative_to(self.folder)))
        path.rename(path.with_name(f"{path.name}.damaged-{number}"))


def _events(path: Path) -> list[Event]:
    return list(read_lines(path)) if path.is_file() else []


def _object(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _result(content: bytes) -> TrialResult | None:
    try:
        return TrialResult.model_validate_json(content)
    except ValueError:
        return None


def _spent(trial: Path) -> Usage:
    """Return what a try used, of which there may be nothing but its journals."""
    path = trial / _RESULT
    result = _result(path.read_bytes()) if path.is_file() else None
    return result.usage if result else total(_used(folder / _TRIAL_JOURNAL) for folder in runs_of(trial))


def _used(journal: Path) -> Usage:
    used = NOTHING_USED
    for record in _events(journal):
        if record.get("type") == "failed_attempt":
            used += Usage.model_validate(record.get("usage") or {})
        elif record.get("type") == "step" and record.get("source") == "agent":
            metrics = record.get("metrics") or {}
            used += Usage.model_validate({name: metrics.get(name) for name in Usage.model_fields})
    return used
