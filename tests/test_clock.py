"""A clock that is set while a job runs: pytest tests/test_clock.py.

The job has another clock than this machine, by a library that is loaded before the C library.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from agent.scripted import ANY_TASK
from tests.child import Child, adopt_orphans, events, preloaded
from tests.conftest import found
from tests.fakes import SOLVED, make_task, reply

if TYPE_CHECKING:
    from pathlib import Path

SET_CLOCK = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead(void) {
  int before = errno, file = open(getenv("CLOCK_AHEAD"), O_RDONLY | O_CLOEXEC);
  char text[32] = {0};
  if (file >= 0 && read(file, text, sizeof text - 1) < 0) text[0] = 0;
  if (file >= 0) close(file);
  errno = before;
  return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int code = syscall(SYS_clock_gettime, clock, now);
  if (!code && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
  return code;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
"""
HOUR = 3600
SWITCHES = {HOUR: datetime(2026, 3, 29, 1, tzinfo=UTC), -HOUR: datetime(2026, 10, 25, 1, tzinfo=UTC)}
"""When Berlin sets its clocks on and back; UTC, by which all is written down, knows nothing of that."""
IMPATIENT = 'schema_version = "1.4"\n[environment]\nnetwork_mode = "no-network"\n[agent]\ntimeout_sec = 4\n'


class Clock:
    """The clock of processes that are started with `env`."""

    def __init__(self, folder: Path) -> None:
        self._ahead = folder / "ahead"
        self.set(0)
        self.env = {"LD_PRELOAD": preloaded(folder, SET_CLOCK), "CLOCK_AHEAD": str(self._ahead), "TZ": "Europe/Berlin"}

    def set(self, ahead: float) -> None:
        """Have it show some seconds more than this machine's."""
        draft = self._ahead.with_suffix(".draft")
        draft.write_text(f"{ahead:.0f}")
        draft.replace(self._ahead)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture(autouse=True)
async def available(kind: str) -> None:
    """Skip where there is no such sandbox."""
    adopt_orphans()
    async with found(kind):
        pass


def results(job: Path) -> dict[str, dict[str, Any]]:
    return {path.parts[-3]: json.loads(path.read_text()) for path in job.glob("*/1/result.json")}


@pytest.mark.fault("F50")
@pytest.mark.parametrize("jump", SWITCHES)
def test_deadlines_and_results_are_the_same_while_the_clock_jumps(
    kind: str, clock: Clock, tmp_path: Path, jump: int
) -> None:
    make_task(tmp_path / "tasks" / "solved")
    make_task(tmp_path / "tasks" / "too-late", toml=IMPATIENT)
    recording = {"solved": [reply("sleep 2\n"), *SOLVED], "too-late": [reply("sleep 30\n", duration=60)] * 3}
    (tmp_path / "recording.json").write_text(json.dumps(recording))
    ahead = SWITCHES[jump].timestamp() - time.time() - 3
    clock.set(ahead)
    begun = time.monotonic()
    words = ("run", "tasks", "-m", "scripted:recording.json", "--sandbox", kind, "-n", 2, "-o", "job")
    child = Child(tmp_path, *words, **clock.env)
    child.until(lambda: events(tmp_path / "job", "trial_begun"))
    while child.process.poll() is None and time.monotonic() - begun < 60:
        time.sleep(0.5)
        ahead += jump
        clock.set(ahead)
    assert child.wait(1) == 0, child.output
    took = time.monotonic() - begun
    ended = results(tmp_path / "job")
    solved, late = ended["solved"], ended["too-late"]
    assert (solved["outcome"], solved["turns"], late["outcome"], late["cause"]) == ("passed", 4, "failed", "deadline")
    assert 4 <= late["timing"]["agent"] < 4 + 5
    for result in ended.values():
        assert all(0 <= seconds < took for seconds in result["timing"].values()), result["timing"]
        assert sum(result["timing"].values()) < took
    for path in (tmp_path / "job").rglob("terminal.cast"):
        moments = [json.loads(line)[0] for line in path.read_text().splitlines()[1:]]
        assert moments == sorted(moments)
        assert 0 <= moments[0] <= moments[-1] < took
    shown = [datetime.fromisoformat(event["at"]) for event in events(tmp_path / "job", "trial_ended")]
    assert abs(shown[1] - SWITCHES[jump]).total_seconds() > 3 * HOUR  # it did jump


@pytest.mark.fault("F50", "F58")
def test_when_the_clock_was_set_back_nobody_is_said_to_have_changed_nothing(
    kind: str, clock: Clock, tmp_path: Path
) -> None:
    make_task(tmp_path / "tasks" / "one")
    change = reply("touch /usr/local/bin/curl; touch /app/changed; sleep 2.0625\n")
    (tmp_path / "recording.json").write_text(json.dumps({ANY_TASK: [change, *SOLVED]}))
    clock.set(HOUR)
    words = ("run", "tasks", "-m", "scripted:recording.json", "--sandbox", kind, "--leftovers", "restarted")
    child = Child(tmp_path, *words, "-o", "job", **clock.env)
    child.until(lambda: '"agent"' in "".join(path.read_text() for path in (tmp_path / "job").rglob("journal.jsonl")))
    clock.set(0)
    child.wait(60)
    (result,) = results(tmp_path / "job").values()
    assert (result["outcome"], result["cause"]) == ("invalid", "verifier_no_result")
    assert "the clock was set back" in result["message"]
