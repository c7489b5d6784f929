"""Writes terminus2_parity.json: what Harbor's own Terminus 2 types and shows. Run by hand, with tmux and a Harbor:

    python -m tests.record_terminus2

Harbor's loop runs as it is, against a scripted server and a tmux of its own in an empty folder. What is kept are facts:
the arguments of ``send-keys``, pasted text, and terminal text; of Harbor's own sentences only of which kind each is.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shlex
import tempfile
from importlib.metadata import version
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import SimpleNamespace
from typing import Any

from harbor.agents.terminus_2 import Terminus2  # type: ignore[import-not-found]  # it has a Python of its own
from harbor.models.agent.context import AgentContext  # type: ignore[import-not-found]  # as above

from tests.scripted_server import ANY, Fault, ScriptedServer
from tests.terminus2_sessions import CONVERSATIONS, LEFT_OUT, TASK, Conversation

Event = tuple[str, Any]
_TOO_MUCH = 20_000
RECORDING = Path(__file__).parent / "terminus2_parity.json"


class Provider(ScriptedServer):
    """Gives its replies in the order of the requests, whatever these are."""

    def __init__(self, replies: list[str], events: list[Event]) -> None:
        super().__init__(replies)
        self.events = events
        self.replies = iter(replies)

    def answer(self, body: dict[str, Any]) -> Fault:
        self.events.append(("asked", body["messages"]))
        self.recording[ANY] = [next(self.replies)] * len(body["messages"])
        return super().answer(body)


class Folder:
    """What Harbor calls an environment, as far as Terminus 2 needs one: commands run here, in an empty folder."""

    default_user = None
    session_id = "recording"

    def __init__(self, path: Path, events: list[Event]) -> None:
        self.trial_paths = SimpleNamespace(agent_dir=path)
        self._events = events
        self._pasted = b""
        self._path = path
        self._env = {"HOME": str(path), "TMUX_TMPDIR": str(path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        (path / ".bash_profile").write_text("PS1='$ '\n")

    async def exec(self, command: str, **_: object) -> SimpleNamespace:
        self._note(command)
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", command, env=self._env, cwd=self._path, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        out, err = await shell.communicate()
        return SimpleNamespace(stdout=out.decode(), stderr=err.decode(), return_code=shell.returncode)

    def _note(self, command: str) -> None:
        words = shlex.split(command)
        if words[:2] == ["tmux", "send-keys"]:
            self._events += [("typed", word) for word in words[words.index("--") + 1 :]]
        elif words[0] == "printf":
            self._pasted += base64.b64decode(words[2])
        elif words[:2] == ["tmux", "load-buffer"]:
            self._events.append(("typed", self._pasted.decode()))
            self._pasted = b""


class Watched(Terminus2):  # type: ignore[misc]  # as above
    """Terminus 2, with a note of each terminal text that it is about to show."""

    events: list[Event]

    def requests(self) -> list[dict[str, Any]]:
        """Put down for each request how long it is, what its newest message shows, and what its reply typed."""
        requests: list[dict[str, Any]] = []
        cut, shown = self._cut(), None
        for event, value in self.events:
            if event == "shown":
                shown = value
            elif event == "typed":
                requests[-1]["typed"].append(value)
            else:
                shows = None if shown is None else cut.sub(lambda match: LEFT_OUT.format(match[2]), shown)
                kind = self._kind(value[-1]["content"], shown)
                requests.append({"messages": len(value), "kind": kind, "shows": shows, "typed": []})
                shown = None
        return requests

    def _limit_output_length(self, output: str, max_bytes: int = 10_000) -> str:
        shown: str = super()._limit_output_length(output, max_bytes)
        self.events.append(("shown", shown))
        return shown

    def _cut(self) -> re.Pattern[str]:
        """Find Harbor's own words on what is left out, with its two numbers."""
        words = super()._limit_output_length("x" * _TOO_MUCH).strip("x\n")
        return re.compile(re.sub(r"\d+", r"(\\d+)", re.escape(words)))

    def _kind(self, message: str, shown: str | None) -> str:
        if shown is None or shown not in message:
            return "problems"
        if message == shown:
            return "output"
        if message == self._prompt_template.format(instruction=TASK, terminal_state=shown):
            return "opening"
        return "question" if message == self._get_completion_confirmation_message(shown) else "notes"


async def converse(conversation: Conversation) -> dict[str, Any]:
    """Let Terminus 2 have one conversation, and return what came of each request."""
    events: list[Event] = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        Provider(conversation.replies, events) as provider,
    ):
        agent = Watched(
            logs_dir=Path(name),
            model_name="openai/scripted",
            api_base=provider.url,
            parser_name=conversation.parser,
            record_terminal_session=False,
            model_info={"max_input_tokens": conversation.context_limit or 200_000, "max_output_tokens": 4000},
        )
        agent.events = events
        folder = Folder(Path(name), events)
        await agent.setup(folder)
        await asyncio.sleep(1)  # for the shell's first prompt
        events.clear()
        try:
            await agent.run(TASK, folder, AgentContext())
        finally:
            await folder.exec("tmux kill-server")
    return {"name": conversation.name, "requests": agent.requests()}


async def main() -> None:
    """Record every conversation."""
    os.environ["OPENAI_API_KEY"] = "none"
    sessions = [await converse(conversation) for conversation in CONVERSATIONS]
    text = json.dumps({"harbor": version("harbor"), "sessions": sessions}, indent=1, ensure_ascii=False)
    RECORDING.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
