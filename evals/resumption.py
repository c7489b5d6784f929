"""What ``termstone resume`` goes on with: a job, or several that were begun together, as they were left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from evals.console import ERR, say
from evals.job_config import JobConfig, JobError, configs_of
from evals.job_folder import job_folders
from evals.provenance import changes, lock_of
from evals.recovery import Recovery
from evals.run import Arm, Asked
from evals.selection import found_tasks, given, usable

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def recovered(folder: Path, arguments: argparse.Namespace) -> tuple[Asked, list[Arm]]:
    """Return what is left to be done in a folder that is locked, with what the command line changes.

    Raises:
        JobError: nothing says what was asked for, or what it depends on has changed since.
        TaskError: there are no tasks any more.
    """
    recoveries = [Recovery(one) for one in job_folders(folder)]
    documents = [recovery.document() for recovery in recoveries]
    configs = [_changed(document["config"], arguments) for document in documents]
    directory = documents[0].get("directory", ".")
    try:
        os.chdir(directory)  # where paths and modules that were named are looked for
    except OSError as error:
        raise JobError(f"{directory}, where the job was begun: {error.strerror}") from error
    known = documents[0]["lock"]["tasks"]
    tasks = [task for task in usable(found_tasks(configs[0])) if task.name in known]
    lock = lock_of(tasks, configs[0])
    changed = dict.fromkeys(change for document in documents for change in changes(document["lock"], lock))
    if changed and not arguments.force:
        raise JobError(f"changed since the job was begun: {', '.join(changed)}; --force goes on all the same")
    asked = Asked(configs, tasks, arguments.json)
    arms = []
    for recovery, document, config, agents in zip(recoveries, documents, configs, asked.agents(), strict=True):
        keys = [(task.name, attempt) for attempt in range(1, config.attempts + 1) for task in tasks]
        found = recovery.found(keys, invalid_too=arguments.invalid)
        all_changes = [*document.get("changed", []), *changes(document["lock"], lock)]
        stays = {"started": document.get("started"), "left_out": document.get("left_out", []), "changed": all_changes}
        arms.append(Arm(config, agents, recovery.folder, found._replace(stays=stays)))
        for name in recovery.mended:
            say(f"note: {name} was damaged: it is kept beside what could be rebuilt", ERR)
    return asked, arms


def _changed(config: dict[str, Any], arguments: argparse.Namespace) -> JobConfig:
    more = {"attempts": config.get("attempts", 1) + arguments.add_attempts}
    (changed,) = configs_of({**config, **given(arguments), **more})
    return changed
