"""The conversation as it is sent: whole while it fits what the model reads, then with old observations shortened.

How long it is in tokens is told by the provider with each reply; between two replies it is in proportion to its bytes.
Nothing is ever put into the model's mouth: what it said stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompts import render

if TYPE_CHECKING:
    from agent.model import Completion, Message

TOKENS_PER_BYTE = 1 / 3
"""Until a provider has counted; English is nearer to a quarter, so this errs on the safe side."""
ANSWER = 8000
"""Tokens kept free for the answer, or an eighth of what the model reads where that is less."""
_TARGET = 0.6  # of what it reads is left after shortening, so that not every turn has to
_FIXED = 2  # the rules and the task, which stay
_FRESH = 2  # turns whose observations stay as they are
_SHORT, _HEAD, _TAIL = 800, 400, 300  # characters


class Context:
    """One conversation."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.limit: int | None = None
        """Tokens that the model reads at most; ``None`` is unknown."""
        self._bytes = 0
        self._rate = TOKENS_PER_BYTE

    def add(self, *messages: Message) -> None:
        """Append messages."""
        self.messages += messages
        self._bytes += sum(map(_size, messages))

    def replace(self, messages: list[Message]) -> None:
        """Begin anew with other messages."""
        self.messages = []
        self._bytes = 0
        self.add(*messages)

    def heard(self, completion: Completion) -> None:
        """Learn from a reply to all that is here how long that is, and how much the model reads."""
        self.limit = self.limit or completion.context_limit
        if completion.usage.prompt_tokens and self._bytes:
            self._rate = completion.usage.prompt_tokens / self._bytes

    def refused(self) -> None:
        """Learn that all that is here is too long for the model."""
        self.limit = min(self.limit or self.tokens, int(self.tokens * 0.9))

    @property
    def tokens(self) -> int:
        """How long the conversation is, about."""
        return int(self._bytes * self._rate)

    @property
    def overflows(self) -> bool:
        """Whether it leaves too little room for an answer."""
        return self.limit is not None and self.tokens > self.limit - min(ANSWER, self.limit // 8)

    def shorten(self) -> int:
        """Shorten the oldest observations until there is room; return how many were shortened."""
        count = 0
        for index in range(_FIXED, (self._turns() or [0])[-_FRESH:][0]):
            if self.limit is None or self.tokens <= _TARGET * self.limit:
                break
            message = self.messages[index]
            if message.role != "assistant" and len(message.content) > _SHORT:
                short = message.model_copy(update={"content": _shortened(message.content, _HEAD, _TAIL)})
                self._bytes += _size(short) - _size(message)
                self.messages[index] = short
                count += 1
        return count

    def newest(self) -> str:
        """Return what the model was told since it last spoke, or ever."""
        told: list[str] = []
        for message in reversed(self.messages[1:]):
            if message.role == "assistant":
                break
            told.insert(0, message.content)
        return "\n\n".join(told)

    def newer_half(self) -> list[Message]:
        """Return the rules, the task, and the newer half of the turns after them."""
        turns = self._turns()
        middle = turns[len(turns) // 2] if turns else len(self.messages)
        return [*self.messages[:_FIXED], *self.messages[middle:]]

    def cut(self, text: str) -> str:
        """Shorten a text to what a quarter of the model's limit can hold."""
        room = int((self.limit or self.tokens) / self._rate / 4)
        return text if len(text) <= room else _shortened(text, room // 2, room // 2)

    def _turns(self) -> list[int]:
        return [index for index, message in enumerate(self.messages) if message.role == "assistant"]


def _size(message: Message) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in message.calls)
    return len(message.content.encode("utf-8", "replace")) + len(message.reasoning or "") + calls


def _shortened(text: str, head: int, tail: int) -> str:
    return render("shortened", head=text[:head], tail=text[-tail:], left_out=len(text) - head - tail)
