"""Jobs that were cut off or damaged, and go on: pytest tests/test_resume.py."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent.scripted import ANY_TASK
from evals.job_folder import LOCK
from evals.recovery import Recovery
from evals.sandboxes import choose
from sandbox.base import SandboxStartError
from tests.child import ROOT, Child, adopt_orphans, events, kill_orphans, preloaded, running, torn
from tests.fakes import SOLVED, make_task, reply
from tests.scripted_server import ScriptedServer
from tests.test_kills import REPLIES, finals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
async def local() -> AsyncIterator[None]:
    """Skip where there are no local sandboxes, in which all of this runs."""
    adopt_orphans()
    try:
        (await choose("local")).close()
    except SandboxStartError as error:
        pytest.skip(str(error))
    yield
    kill_orphans()


def words(folder: Path, server: ScriptedServer, *more: object) -> list[object]:
    return ["run", folder / "tasks", "-m", "openai/x", "--api-base", server.url, "--sandbox", "local", "-n", 2, *more]


def test_nothing_that_has_ended_is_run_again(tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "one")
    with ScriptedServer(REPLIES) as server:
        assert Child(tmp_path, *words(tmp_path, server, "-k", 3, "-o", "job")).wait() == 0
        asked = len(server.requests)
        (tmp_path / "job" / "one" / "2" / "result.json").unlink()
        whole = (tmp_path / "job" / "job.jsonl").read_text()
        (tmp_path / "job" / "job.jsonl").write_text("".join(whole.splitlines(keepends=True)[:2]))
        again = Child(tmp_path, "resume", "job")
        assert again.wait() == 0, again.output
        assert len(server.requests) == asked + len(REPLIES)
    trial = tmp_path / "job" / "one" / "2"
    assert json.loads((trial / "result.json").read_text())["tries"] == 2
    assert (trial / "try-1" / "journal.jsonl").is_file()
    assert "3 of 3 passed" in again.output


@pytest.mark.fault("F49")
def test_a_second_process_is_kept_out_of_a_folder_in_use(tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "one", test="#!/bin/sh\nsleep 31001\n")
    first = Child(tmp_path, "run", "tasks", "--agent", "nop", "--sandbox", "local", "-o", "job")
    first.until(lambda: running("sleep 31001"))
    for command, says in (
        (["resume", "job"], f"is in use by process {first.process.pid}"),
        (["run", "tasks", "--agent", "nop", "-o", "job"], "job exists already"),
    ):
        second = Child(tmp_path, *command)
        assert second.wait() == 2
        assert says in second.output
    first.signal(signal.SIGINT)
    assert first.wait() == 130
    assert first.leaves() == []


def test_what_has_changed_since_is_refused_and_with_force_recorded(tmp_path: Path) -> None:
    task = make_task(tmp_path / "tasks" / "one")
    options = ("--agent", "oracle", "--sandbox", "local", "-o", "job")
    assert Child(tmp_path, "run", "tasks", *options).wait() == 0
    (tmp_path / "job" / "one" / "1" / "result.json").unlink()
    (tmp_path / "job" / "job.jsonl").write_text("")
    (task / "instruction.md").write_text("Another one.\n")
    refused = Child(tmp_path, "resume", "job")
    assert refused.wait() == 2
    assert "changed since the job was begun: task one; --force" in refused.output
    assert Child(tmp_path, "resume", "job", "--force").wait() == 0
    assert json.loads((tmp_path / "job" / "job.json").read_text())["changed"] == ["task one"]


STATES = ("job.json", "job.jsonl", "one/1/result.json", "one/1/trajectory.json", "one/1/journal.jsonl")
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "garbage": lambda whole: os.urandom(len(whole)),
    "BOM": lambda whole: b"\xef\xbb\xbf" + whole,
    "null": lambda _: b"null",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    make_task(folder / "tasks" / "one")
    (folder / "recording.json").write_text(json.dumps({ANY_TASK: SOLVED}))
    options = ("-m", "scripted:recording.json", "--sandbox", "local", "-k", 2, "-o", "job")
    ran = Child(folder, "run", "tasks", *options)
    assert ran.wait() == 0, ran.output
    return folder


@pytest.mark.fault("F47")
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("state", STATES)
def test_a_damaged_state_file_is_put_aside_and_rebuilt(finished: Path, tmp_path: Path, state: str, damage: str) -> None:
    job = tmp_path / "job"
    shutil.copytree(finished / "job", job)
    path = job / state
    whole, before = path.read_bytes(), finals(job)
    bad = DAMAGES[damage](whole)
    path.write_bytes(bad)
    recovery = Recovery(job)
    assert recovery.document()["config"]["attempts"] == 2
    found = recovery.found([("one", 1), ("one", 2)])
    assert recovery.mended == [state]
    assert set(found.results) == {("one", 1), ("one", 2)}
    assert finals(job) == before
    assert torn(job) == []
    assert (path.parent / f"{path.name}.damaged-1").read_bytes() == bad
    if path.suffix == ".json":
        assert json.loads(path.read_bytes()).keys() == json.loads(whole).keys()


def test_what_cannot_be_rebuilt_is_run_again(finished: Path) -> None:
    for name in ("job.jsonl", "one/2/result.json"):
        (finished / "job" / name).write_bytes(b"null")
    resumed = Child(finished, "resume", "job")
    assert resumed.wait() == 0, resumed.output
    assert "note: job.jsonl was damaged" in resumed.output
    assert "2 of 2 passed" in resumed.output
    assert [event["attempt"] for event in events(finished / "job", "trial_begun")] == [2]
    assert (finished / "job" / "one" / "2" / "try-1" / "result.json.damaged-1").is_file()


def test_a_job_of_which_nothing_is_readable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    for name in ("job.json", "job.jsonl"):
        (tmp_path / "job" / name).write_bytes(b"\0\0")
    child = Child(tmp_path, "resume", "job")
    assert child.wait() == 2
    assert "nothing says what was asked for" in child.output
    (tmp_path / "other").mkdir()
    assert Child(tmp_path, "resume", "other").wait() == 2
    assert [path.name for path in (tmp_path / "other").iterdir()] == [LOCK]


@pytest.mark.fault("F48")
@pytest.mark.parametrize(
    ("options", "lines", "code", "says"),
    [
        ("size=10400k", 200_000, 3, "No space left on device"),  # seen before a trial begins
        ("size=11m", 2_000_000, 3, "No space left on device"),  # and in the middle of the first
        ("ro", 1, 2, "Read-only file system"),
    ],
)
def test_a_disk_that_is_full_or_read_only_stops_the_job_with_nothing_torn(
    tmp_path: Path, options: str, lines: int, code: int, says: str
) -> None:
    make_task(tmp_path / "tasks" / "one")
    flood = reply(f"seq 1 {lines}\n", duration=60)
    (tmp_path / "recording.json").write_text(json.dumps({ANY_TASK: [flood, flood, *SOLVED]}))
    job, copy = tmp_path / "job", tmp_path / "copy"
    job.mkdir()
    copy.mkdir()
    run = f"{sys.executable} -m evals.cli run tasks -m scripted:recording.json --sandbox local -k 9 -o {job}"
    script = f"mount -t tmpfs -o {options} none {job} || exit 77; {run}; code=$?; cp -a {job}/. {copy}; exit $code"
    outside = [] if os.geteuid() == 0 else ["--map-root-user"]
    ran = subprocess.run(
        ["unshare", "--mount", *outside, "sh", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode == 77 or "unshare" in ran.stderr:
        pytest.skip(f"no disk of one's own can be mounted here: {ran.stderr.strip()}")
    assert ran.returncode == code
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout
    assert torn(copy) == []
    if options == "ro":
        assert not list(copy.iterdir())
        return
    ended = events(copy, "trial_ended")
    assert len(ended) < 9
    assert Recovery(copy).found([("one", attempt) for attempt in range(1, 10)]).results.keys() >= {
        ("one", event["attempt"]) for event in ended if event["result"]["outcome"] == "passed"
    }


BROKEN_DISK = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int broken(int file) {
  char name[64], path[4096] = {0};
  if (access(getenv("DISK_BROKEN"), F_OK)) return 0;
  snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  if (readlink(name, path, sizeof path - 1) < 0) return 0;
  return !strncmp(path, getenv("DISK"), strlen(getenv("DISK"))) ? (errno = EIO) : 0;
}

ssize_t write(int file, const void *data, size_t size) {
  return broken(file) ? -1 : syscall(SYS_write, file, data, size);
}

int fsync(int file) { return broken(file) ? -1 : syscall(SYS_fsync, file); }
"""


@pytest.mark.fault("F48")
def test_a_disk_that_breaks_stops_the_job_and_it_goes_on_when_the_disk_is_whole(tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "one")
    (tmp_path / "recording.json").write_text(json.dumps({ANY_TASK: SOLVED}))
    job, broken = tmp_path / "job", tmp_path / "broken"
    library = preloaded(tmp_path, BROKEN_DISK)
    words = ("run", "tasks", "-m", "scripted:recording.json", "--sandbox", "local", "-k", 4, "-o", job)
    child = Child(tmp_path, *words, LD_PRELOAD=library, DISK=str(job), DISK_BROKEN=str(broken))
    child.until(lambda: events(job, "trial_ended"))
    broken.touch()
    assert child.wait() == 3, child.output
    assert "Input/output error" in child.output
    assert "Traceback" not in child.output
    assert child.leaves() == []
    assert torn(job) == []
    assert 1 <= len(events(job, "trial_ended")) < 4
    resumed = Child(tmp_path, "resume", job)
    assert resumed.wait() == 0, resumed.output
    assert "4 of 4 passed" in resumed.output
