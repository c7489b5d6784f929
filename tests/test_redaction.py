"""Secrets stay in the process: pytest tests/test_redaction.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evals.display import printable
from sandbox.recording import Recording
from sandbox.redaction import Redaction
from tests.fakes import GRADE_HELLO, make_task, reply
from tests.scripted_server import Fault, ScriptedServer, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.base import Sandbox

CANARY = "canary-0123456789abcdef"
ENVIRON = {
    "CANARY_API_KEY": CANARY,
    "LONGER_TOKEN": f"{CANARY}-and-more",
    "DB_PASSWORD": "p\u00e4ssw\u00f6rt",
    "SHORT_SECRET": "true",
    "PATH": "/usr/bin:/bin",
}
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"a {CANARY} b {CANARY}", "a [CANARY_API_KEY] b [CANARY_API_KEY]"),
        (f"{CANARY}-and-more", "[LONGER_TOKEN]"),
        ("mysql -p\u00e4ssw\u00f6rt", "mysql -[DB_PASSWORD]"),
        ("true /usr/bin:/bin", "true /usr/bin:/bin"),
        ("", ""),
    ],
)
def test_values_of_secrets_become_their_names(text: str, redacted: str) -> None:
    redaction = Redaction(ENVIRON)
    assert redaction.text(text) == redacted
    assert redaction.bytes(text.encode() + b"\xff") == redacted.encode() + b"\xff"
    assert redaction.json({"text": [text, 1, None, {"x": (text,)}]}) == {"text": [redacted, 1, None, {"x": [redacted]}]}


def test_the_keys_of_objects_stay_what_readers_look_for() -> None:
    assert Redaction({"PASSWORD": "final_metrics"}).json({"final_metrics": 1}) == {"final_metrics": 1}


def test_a_secret_that_comes_later_is_known_too() -> None:
    """litellm reads a ``.env`` file when it is imported."""
    environ: dict[str, str] = {}
    redaction = Redaction(environ)
    assert redaction.text(CANARY) == CANARY
    environ["OPENAI_API_KEY"] = CANARY
    assert redaction.text(CANARY) == "[OPENAI_API_KEY]"


@pytest.mark.parametrize(
    ("text", "begun"), [("", 0), ("x", 0), ("c", 1), ("a can", 3), (f"ccc{CANARY[:-1]}", 22), ("cancanary-", 7)]
)
def test_the_beginning_of_a_secret_is_seen(text: str, begun: int) -> None:
    assert Redaction({"KEY": CANARY}).begun(text) == begun


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1000])
def test_a_recording_holds_no_secret_however_it_is_cut(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    monkeypatch.setenv("CANARY_API_KEY", CANARY)
    recording = Recording(tmp_path / "cast", 80, 24)
    data = f"$ echo {CANARY}\r\n{CANARY}\r\n$ can".encode()
    for start in range(0, len(data), size):
        recording.output(data[start : start + size])
    recording.mark(f"step {CANARY}")
    recording.close()
    _, *events = [json.loads(line) for line in (tmp_path / "cast").read_text().splitlines()]
    shown = "".join(text for _, kind, text in events if kind == "o")
    assert shown == "$ echo [CANARY_API_KEY]\r\n[CANARY_API_KEY]\r\n$ can"
    assert [text for _, kind, text in events if kind == "m"] == ["step [CANARY_API_KEY]"]


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_API_KEY", CANARY)
    assert printable(f"termstone: {CANARY}\n") == "termstone: [CANARY_API_KEY]\n"


@pytest.mark.fault("F64")
async def test_a_sandbox_sees_nothing_of_the_harness_environment(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.setenv("CANARY_API_KEY", CANARY)
    look = "env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/self/environ 2>/dev/null | tr '\\0' '\\n'; ps aux"
    seen = (await sandbox.exec(["sh", "-c", look], timeout=30, user="root")).output
    assert "PATH=" in seen
    assert CANARY not in seen


HUNT = "env; set; ps auxwwe; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | sort -u\n"
TELLING = (
    'schema_version = "1.4"\n[environment]\nnetwork_mode = "no-network"\n[verifier.env]\nKEY = "${OPENAI_API_KEY}"\n'
)


@pytest.mark.parametrize("where", ["auto", "local"])
@pytest.mark.fault("F64")
def test_a_key_reaches_neither_the_task_nor_any_file_of_the_job(
    tmp_path: Path, where: str, record_property: Callable[[str, object], None]
) -> None:
    """A task hunts for it, a model says it, tests that were given it print it, and a provider repeats it."""
    task = make_task(tmp_path / "hello", test="#!/bin/sh\nset -x\necho $KEY\n" + GRADE_HELLO, toml=TELLING)
    replies = [reply(HUNT, "echo hello > out\n"), f"{CANARY}, in prose", reply(done=True), reply(done=True)]
    faults = [status(500, f"upstream, with {CANARY}"), *[Fault()] * len(replies), status(401, f"bad key: {CANARY}")]
    with ScriptedServer(replies, faults=faults) as server:
        words = ["run", task, "-m", "openai/gpt-4o", "--api-base", server.url, "--sandbox", where, "-k", 2]
        command = [sys.executable, "-m", "evals.cli", *map(str, words), "--output", str(tmp_path / "job")]
        env = os.environ | {"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": CANARY}
        ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert "1 of 1 passed (100%); 1 invalid" in ran.stdout, ran.stdout + ran.stderr
    assert CANARY not in ran.stdout + ran.stderr
    files = {str(path.relative_to(tmp_path / "job")): path for path in (tmp_path / "job").rglob("*") if path.is_file()}
    found = [name for name, path in files.items() if CANARY.encode() in path.read_bytes()]
    record_property("leaked keys", len(found))
    assert found == []
    for name in ("journal.jsonl", "trajectory.json", "verifier/test-stdout.txt"):
        assert b"[OPENAI_API_KEY]" in files[f"hello/1/{name}"].read_bytes(), name
    assert b"[OPENAI_API_KEY]" in files["hello/2/result.json"].read_bytes()
    hunted = files["hello/1/terminal.cast"].read_text()
    assert "PATH=" in hunted
    assert "OPENAI_API_KEY" not in hunted  # not even redacted: it was never there
