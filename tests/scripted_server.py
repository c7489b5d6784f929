"""An OpenAI-compatible server on loopback that answers from a recording and breaks when told to.

It speaks Anthropic's Messages too, as far as a conversation needs. A recorded reply is a text, or an object with the
message's fields: ``content``, ``tool_calls``, ``reasoning_content``, ... Its list of requests is the ground truth for
what a client really sent. By hand::

    python -m tests.scripted_server evals/recorded/demo.json --tasks evals/tasks --port 8010
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import socket
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from agent.scripted import load_recording
from evals.harbor import load
from evals.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Recorded = str | Mapping[str, Any]
ANY = "*"
PATH, ANTHROPIC_PATH = "/v1/chat/completions", "/v1/messages"
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST instead of FIN


class Request(NamedTuple):
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    fault: Fault | None
    at: float
    """When, by `time.monotonic`."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation that was sent."""
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages


class Fault(NamedTuple):
    """What the server does once instead of giving a good answer."""

    does: Literal["answer", "reset", "cut", "hang", "drip"] = "answer"
    status: int = 200
    body: bytes | None = None
    """``None`` is the good answer, with `changes` made to it."""
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    changes: Mapping[str, Any] = {}
    """Keys of the good answer to replace; a value of ``None`` removes the key."""
    seconds: float = 0.0
    """For ``hang`` how long, for ``drip`` how long between bytes."""


def status(code: int, message: str = "no", /, *, headers: Mapping[str, str] | None = None, **error: object) -> Fault:
    """An error status with OpenAI's error object, whose keys ``type``, ``code`` and ``param`` may be given."""
    body = {"error": {"message": message, "type": None, "param": None, "code": None} | error}
    return Fault(status=code, body=json.dumps(body).encode(), headers=headers or {})


def json_body(value: object, code: int = 200) -> Fault:
    """Any JSON with any status."""
    return Fault(status=code, body=json.dumps(value).encode())


def choice(content: object, finish_reason: str = "stop", **message: object) -> Fault:
    """A good answer but for its message."""
    said = {"role": "assistant", "content": content, **message}
    return Fault(changes={"choices": [{"index": 0, "finish_reason": finish_reason, "message": said}]})


RESET = Fault("reset")
CUT = Fault("cut")
"""The connection ends in the middle of the body."""
HTML = Fault(body=b"<html><body><h1>502 Bad Gateway</h1></body></html>", content_type="text/html")
CUT_JSON = Fault(body=b'{"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"ind')
NO_CHOICES = Fault(changes={"choices": []})
ERROR_IN_200 = json_body({"error": {"message": "Upstream error from provider", "code": 502}})
EMPTY = choice("")
FILTERED = choice("I was about to", "content_filter")
REFUSED = choice(None, refusal="I cannot help with that.")
NO_USAGE = Fault(changes={"usage": None})
TOOL_CALL_ONLY = choice(
    None,
    "tool_calls",
    tool_calls=[{"id": "call_1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}],
)


def hang(seconds: float) -> Fault:
    """Say nothing for some seconds, then close."""
    return Fault("hang", seconds=seconds)


def drip(seconds: float) -> Fault:
    """Answer one byte at a time, with some seconds between them."""
    return Fault("drip", seconds=seconds)


class ScriptedServer:
    """Serves from entering its ``with`` block to leaving it."""

    def __init__(
        self,
        recording: Mapping[str, Sequence[Recorded]] | Sequence[Recorded],
        markers: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        faults: Iterable[Fault] = (),
    ) -> None:
        """Take replies by task, or one list of replies for whatever is asked.

        Args:
            recording: replies by task name; ``"*"`` is for what no marker fits.
            markers: for each task name a text that its first user message contains.
            port: 0 is any free one.
            faults: what to do instead of good answers, one for each of the first requests.
        """
        self.recording: dict[str, list[Recorded]] = (
            {task: list(replies) for task, replies in recording.items()}
            if isinstance(recording, Mapping)
            else {ANY: list(recording)}
        )
        self.markers = dict(markers or {})
        self.requests: list[Request] = []
        self.answered: list[float] = []
        """When each answer had been sent, by `time.monotonic`."""
        self.served: dict[str, float] = {}
        """The same by request id, of good answers alone."""
        self.tokens: dict[str, int] = {}
        """Their prompts' and completions', by request id."""
        self.numbers = itertools.count(1)
        self.faults: deque[Fault] = deque(faults)
        self.stopping = threading.Event()
        self.connections: set[socket.socket] = set()
        self._port = port

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", self._port), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            _shut(connection)
        self._http.server_close()

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._http.server_address[1]) if hasattr(self, "_http") else self._port

    @property
    def url(self) -> str:
        """What a client takes as ``api_base``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def next_fault(self) -> Fault | None:
        """Take the next fault, if any is left."""
        try:
            return self.faults.popleft()
        except IndexError:
            return None

    def answer(self, body: dict[str, Any]) -> Fault:
        """Find the recorded reply to a request, in the shape of an answer; status 400 when there is none."""
        messages = body.get("messages", [])
        task = self._task(messages)
        number = sum(message["role"] == "assistant" for message in messages)
        replies = self.recording.get(task, [])
        if number >= len(replies):
            return status(400, f"the recording has no reply {number + 1} for task {task!r}", type="recording_ended")
        reply = replies[number]
        said = {"content": reply} if isinstance(reply, str) else reply
        text = said.get("content") or ""
        finish_reason = "tool_calls" if said.get("tool_calls") else "stop"
        first = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": None, **said}}
        used = usage(messages, text)
        answer = {
            "id": f"chatcmpl-{task}-{number + 1}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body.get("model"),
            "choices": [first],
            "usage": used,
        }
        if body.get("logprobs"):
            first["logprobs"] = {"content": [_token(part) for part in _parts(text)]}
        if body.get("return_token_ids"):  # as vLLM does
            first["token_ids"] = [zlib.crc32(part.encode()) % 100_000 for part in _parts(text)]
            answer["prompt_token_ids"] = list(range(used["prompt_tokens"]))
        return json_body(answer)

    def anthropic_answer(self, body: dict[str, Any]) -> Fault:
        """Answer a request in Anthropic's shape from the same recording."""
        system = [{"role": "system", "content": body["system"]}] if body.get("system") else []
        openai = self.answer({**body, "messages": [*system, *body["messages"]]})
        answer = json.loads(openai.body or b"")
        if openai.status != HTTPStatus.OK:
            return json_body({"type": "error", "error": answer["error"]}, openai.status)
        said, used = answer["choices"][0]["message"], answer["usage"]
        cached = used["prompt_tokens_details"]["cached_tokens"]
        thoughts = {"type": "thinking", "thinking": said.get("reasoning_content"), "signature": "signed"}
        calls = [
            {"type": "tool_use", "id": call["id"], "name": called["name"], "input": json.loads(called["arguments"])}
            for call in said.get("tool_calls", ())
            for called in [call["function"]]
        ]
        return json_body(
            {
                "id": answer["id"],
                "type": "message",
                "role": "assistant",
                "model": body.get("model"),
                "content": [
                    *([thoughts] if said.get("reasoning_content") else []),
                    *([{"type": "text", "text": said["content"]}] if said["content"] else []),
                    *calls,
                ],
                "stop_reason": "tool_use" if calls else "end_turn",
                "usage": {
                    "input_tokens": used["prompt_tokens"] - cached,
                    "output_tokens": used["completion_tokens"],
                    "cache_read_input_tokens": cached,
                    "cache_creation_input_tokens": 0,
                },
            }
        )

    def _task(self, messages: list[dict[str, Any]]) -> str:
        first = next((_text(message) for message in messages if message["role"] == "user"), "")
        fits = [task for task, marker in self.markers.items() if marker in first]
        return max(fits, key=lambda task: len(self.markers[task]), default=ANY)


def usage(messages: list[dict[str, Any]], text: str) -> dict[str, Any]:
    """Count as a tokenizer would, about: four characters a token, and what came before the last reply is cached."""
    sizes = [4 + len(_text(message)) // 4 for message in messages]
    before = sum(sizes[:-2])
    cached = before // 128 * 128 if before >= 1024 else 0
    prompt, completion = sum(sizes) + 3, max(1, len(text) // 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _parts(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def _token(part: str) -> dict[str, Any]:
    return {"token": part, "logprob": -0.5, "bytes": list(part.encode()), "top_logprobs": []}


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # so that leaving the block waits for the answers under way
    owner: ScriptedServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up: that is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def setup(self) -> None:
        """Remember the connection, so that it can be ended from outside."""
        super().setup()
        self.server.owner.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.owner.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        """Log the request, then answer or break."""
        owner = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        fault = owner.next_fault()
        owner.requests.append(Request(self.path, dict(self.headers), body, fault, time.monotonic()))
        request_id = f"req-{next(owner.numbers)}"
        answers = {PATH: owner.answer, ANTHROPIC_PATH: owner.anthropic_answer}
        answer = answers[self.path](body) if self.path in answers else status(404, f"no such path: {self.path}")
        self._send(fault or answer, (answer.body or b"") if fault is None else _changed(fault, answer), request_id)
        owner.answered.append(time.monotonic())
        if fault is None and answer.status == HTTPStatus.OK:
            used = json.loads(answer.body or b"")["usage"]
            owner.tokens[request_id] = used.get("total_tokens") or sum(used.values())
            owner.served[request_id] = owner.answered[-1]

    def _send(self, fault: Fault, body: bytes, request_id: str) -> None:
        body = fault.body if fault.body is not None else body
        if fault.does == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self.close_connection = True
            return
        if fault.does == "hang":
            self.server.owner.stopping.wait(fault.seconds)
            self.close_connection = True
            return
        self.send_response_only(fault.status)
        known = {"Date": self.date_time_string(), "Content-Type": fault.content_type, "x-request-id": request_id}
        headers = {**known, **fault.headers}
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.does == "drip":
            self._drip(body, fault.seconds)
        else:
            self.wfile.write(body[: len(body) // 2] if fault.does == "cut" else body)
            self.close_connection = self.close_connection or fault.does == "cut"

    def _drip(self, body: bytes, seconds: float) -> None:
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.owner.stopping.wait(seconds):
                self.close_connection = True
                return

    def log_message(self, *arguments: object) -> None:
        """Say nothing on standard error: the list of requests is the log."""


def _changed(fault: Fault, answer: Fault) -> bytes:
    value = json.loads(answer.body or b"{}") | fault.changes
    return json.dumps({key: part for key, part in value.items() if part is not None}).encode()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path, help="JSON: {task name: [replies]}, or one list")
    parser.add_argument("--tasks", type=Path, help="folder of the tasks, whose instructions tell requests apart")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    found = load(arguments.tasks) if arguments.tasks else ()
    tasks = [task for task in found if isinstance(task, Task)]
    markers = {name: told for task in tasks for name, told in task.instructions.items()}
    with ScriptedServer(load_recording(arguments.recording), markers, port=arguments.port) as server:
        print(f"serving {server.url} for {', '.join(markers) or 'any task'}; Ctrl-C ends it", flush=True)  # noqa: T201
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"\n{len(server.requests)} requests")  # noqa: T201


if __name__ == "__main__":
    main()
