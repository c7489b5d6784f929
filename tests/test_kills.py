"""Jobs that are killed or stopped by signals at any moment, and go on: pytest tests/test_kills.py."""

from __future__ import annotations

import json
import random
import signal
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from agent.durable import read_lines
from agent.scripted import ANY_TASK
from evals.recovery import Recovery
from tests.child import Child, adopt_orphans, events, holding, kill_orphans, owned, torn
from tests.conftest import found
from tests.fakes import GRADE_HELLO, SOLVED, make_task, reply
from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

REPLIES = [reply("echo hello > out\n"), reply("cat out\n"), reply("wc out\n"), *SOLVED[1:]]
SEED = 20261125
_ON_ITS_WAY = 1.0
"""Seconds that an answer may take to the journal of a process whose first one it is, on a busy machine."""


@pytest.fixture(autouse=True)
async def available(kind: str) -> AsyncIterator[None]:
    """Skip where there is no such sandbox, and end what a failed test has left."""
    adopt_orphans()
    async with found(kind):
        pass
    yield
    kill_orphans()


class Kept(NamedTuple):
    """A reply that is written down."""

    request: str
    tokens: int
    at: float
    """When it was, by `time.monotonic`."""


def replies_of(job: Path) -> list[Kept]:
    """Return what stands in all journals of a job."""
    began = time.time() - time.monotonic()
    steps = [record for path in job.rglob("journal.jsonl") for record in read_lines(path)]
    return [
        Kept(
            step["extra"]["request_id"],
            step["metrics"]["prompt_tokens"] + step["metrics"]["completion_tokens"],
            datetime.fromisoformat(step["timestamp"]).timestamp() - began,
        )
        for step in steps
        if step.get("source") == "agent"
    ]


def finals(job: Path) -> list[Any]:
    """Return all results, but for what depends on time and on how often they were tried."""
    return [timeless(json.loads(path.read_text())) for path in sorted(job.glob("*/*/result.json"))]


def timeless(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        left_out = {"tries", "started", "timing", "waited", "usage"}  # the model reads seconds, of one digit or more
        return {name: timeless(part) for name, part in value.items() if name not in left_out}
    return [timeless(part) for part in value] if isinstance(value, list) else value


def run_again(job: Path) -> list[tuple[str, int]]:
    """Return the trials that were begun once more after they had ended."""
    ended: set[tuple[str, int]] = set()
    again = []
    for event in read_lines(job / "job.jsonl"):
        key = (str(event.get("task")), int(event.get("attempt", 0)))
        if event["type"] == "trial_ended" and not event["again"]:
            ended.add(key)
        elif event["type"] == "trial_begun" and key in ended:
            again.append(key)
    return again


def spent(job: Path, keys: list[tuple[str, int]]) -> int:
    """Return the tokens that a resumed job would count as spent."""
    used = Recovery(job).found(keys).spent
    return (used.prompt_tokens or 0) + (used.completion_tokens or 0)


def kill_at_random(
    folder: Path, words: list[object], server: ScriptedServer, kills: int
) -> tuple[dict[int, float], Child]:
    """Kill a job and resume it, again and again; return when each process was killed, and the last one at work."""
    chance = random.Random(SEED)  # noqa: S311 - the same moments each time
    job, command = folder / "killed", [*words, "-o", folder / "killed"]
    killed: dict[int, float] = {}
    while len(killed) < kills:
        child = Child(folder, *command)
        asked = len(server.requests) + chance.randrange(8)
        child.until(lambda: (job / "job.json").is_file() and len(server.requests) >= asked)  # noqa: B023
        time.sleep(chance.uniform(0, 0.5))
        child.signal(signal.SIGKILL)
        killed[child.process.pid] = time.monotonic()
        child.wait()
        assert child.leaves() == []
        command = ["resume", job]
    return killed, Child(folder, *command)


@pytest.mark.fault("F46")
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_a_job_that_is_killed_again_and_again_loses_nothing_and_ends_as_if_it_had_not_been(
    kind: str, tmp_path: Path, kills: int, record_property: Callable[[str, object], None]
) -> None:
    names = [f"task-{number}" for number in range(kills * 3 // 4)]
    for name in names:
        make_task(tmp_path / "tasks" / name)
    job = tmp_path / "killed"
    with ScriptedServer(REPLIES) as server:
        model = ("-m", "openai/x", "--api-base", server.url)
        words: list[object] = ["run", tmp_path / "tasks", *model, "--sandbox", kind, "-n", 2, "-k", 2]
        whole = Child(tmp_path, *words, "-o", "whole")
        assert whole.wait(300) == 0, whole.output
        server.served.clear()
        killed, last = kill_at_random(tmp_path, words, server, kills)
        assert last.wait(300) == 0, last.output
        assert last.leaves() == []
    left = [name for pid in killed if kind == "docker" for name in owned(pid)]
    for what in ("container", "network"):
        record_property(f"leaked {what}s", sum(name.startswith(what) for name in left))
    assert left == []
    wanted, got = finals(tmp_path / "whole"), finals(job)
    record_property("lost trials", len(wanted) - len(got))
    assert got == wanted
    replies = replies_of(job)
    kept = {reply.request: reply.tokens for reply in replies}
    assert len(kept) == len(replies)
    assert kept.keys() <= server.served.keys()
    lost = server.served.keys() - kept.keys()
    # An answer that was still on its way when the process was killed is not one that it had.
    slowest = max(reply.at - server.served[reply.request] for reply in replies)
    waited = {one: min(abs(server.served[one] - moment) for moment in killed.values()) for one in lost}
    print(f"seconds from answer to journal: {slowest:.3f}, to kill: {sorted(waited.values())}")  # noqa: T201 - numbers
    assert slowest < 3
    had = {one for one, seconds in waited.items() if seconds > max(slowest, _ON_ITS_WAY)}
    record_property("lost replies", len(had))
    assert had == set(), waited
    assert len(lost) <= 2 * kills
    uncounted = sum(server.tokens[one] for one in kept) - spent(job, [(name, n) for name in names for n in (1, 2)])
    record_property("lost tokens", uncounted + sum(server.tokens[one] for one in had))
    assert uncounted == 0
    assert kept == {one: server.tokens[one] for one in kept}
    assert torn(job) == []
    assert run_again(job) == []


HOLD = {"docker": "31100", "local": "31101"}
SIGNALS = {
    "SIGINT": [signal.SIGINT],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
    "SIGTERM": [signal.SIGTERM],
    "SIGKILL": [signal.SIGKILL],
}


class Held:
    """A task that comes to a stand at one stage, and how that is seen from outside."""

    def __init__(self, folder: Path, stage: str, kind: str) -> None:
        self.folder = folder
        self.job = folder / "job"
        hold = f"sleep {HOLD[kind]}"
        steps = {"image": f"RUN {hold}\n"}
        tests = {"verification": f"#!/bin/sh\n{hold}\n"}
        dockerfile = f"FROM debian:bookworm-slim\nWORKDIR /app\n{steps.get(stage, '')}"
        self.task = make_task(folder / "tasks" / "one", dockerfile=dockerfile, test=tests.get(stage, GRADE_HELLO))
        replies = [reply(f"{hold}\n", duration=60)] if stage == "agent" else SOLVED
        (folder / "recording.json").write_text(json.dumps({ANY_TASK: replies}))
        seen: dict[str, Callable[[], object]] = {
            "start": lambda: events(self.job, "trial_begun"),
            "tear-down": (self.job / "one" / "1" / "verifier" / "reward.txt").exists,
            "between": lambda: events(self.job, "trial_ended"),
        }
        self.reached = seen.get(stage, lambda: holding(HOLD[kind]))

    def release(self) -> None:
        """Let it be solved."""
        make_task(self.folder / "tasks" / "one")
        (self.folder / "recording.json").write_text(json.dumps({ANY_TASK: SOLVED}))


@pytest.mark.fault("F44")
@pytest.mark.parametrize(
    "sent", [pytest.param(name, marks=[] if name == "SIGINT" else pytest.mark.long) for name in SIGNALS]
)
@pytest.mark.parametrize("stage", ["image", "start", "agent", "verification", "tear-down", "between"])
def test_a_signal_at_any_stage_leaves_nothing_running_and_a_job_to_go_on_with(
    kind: str, tmp_path: Path, stage: str, sent: str
) -> None:
    held = Held(tmp_path, stage, kind)
    options = ("-m", "scripted:recording.json", "--sandbox", kind, "-k", 2, "-o", "job")
    child = Child(tmp_path, "run", "tasks", *options)
    child.until(held.reached)
    begun = time.monotonic()
    child.signal(*SIGNALS[sent])
    code = child.wait(30)
    assert code == (-signal.SIGKILL if sent == "SIGKILL" else 130), child.output
    assert time.monotonic() - begun < 15
    assert child.leaves() == []
    assert torn(held.job) == []
    if sent != "SIGKILL":
        assert events(held.job, "interrupted")
        assert kind == "local" or owned(child.process.pid) == []
    held.release()
    resumed = Child(tmp_path, "resume", "job", "--force")
    assert resumed.wait() == 0, resumed.output
    assert "2 of 2 passed" in resumed.output
    assert resumed.leaves() == []
    assert holding(HOLD[kind]) == []
    assert kind == "local" or [*owned(child.process.pid), *owned(resumed.process.pid)] == []
