"""How many questions a provider is asked at a time: fewer when it says that they are too many, then slowly more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from agent.model import ProviderRateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.model import Completion, FailedAttempt, Message, Model

_LOOK = 1.0
"""Seconds after which a question that waits for its turn says that it does."""


class Pace:
    """What all trials of one provider share: halved by a refusal, raised by one after as many answers as it allows.

    Questions that were on their way when it was halved do not halve it again.
    """

    def __init__(self, most: int) -> None:
        """Begin with `most` questions at a time, which are never exceeded."""
        self.limit = most
        self.asked = 0
        """Questions on their way."""
        self.slowed = 0
        """How often it was halved."""
        self._most = most
        self._answers = 0
        self._freed = asyncio.Event()

    async def enter(self, waits: Callable[[float], None]) -> None:
        """Wait for a turn; `waits` is told the seconds ahead of them, a few at a time."""
        while self.asked >= self.limit:
            self._freed.clear()
            waits(_LOOK)
            begun = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._freed.wait()
            waits(min(0.0, time.monotonic() - begun - _LOOK))  # it was less
        self.asked += 1

    def leave(self) -> None:
        """Let the next question have the turn."""
        self.asked -= 1
        self._freed.set()

    def refused(self, since: int) -> int:
        """Note a refusal of a question that was asked when `slowed` was `since`; return what it is now."""
        if since == self.slowed:
            self.limit = max(1, self.limit // 2)
            self.slowed += 1
            self._answers = 0
        return self.slowed

    def answered(self) -> None:
        """Note an answer."""
        self._answers += 1
        if self._answers >= self.limit and self.limit < self._most:
            self.limit += 1
            self._answers = 0


class PacedModel:
    """A model of one trial that keeps the pace; each question takes its turn, not the trial."""

    def __init__(self, model: Model, pace: Pace) -> None:
        self.name = model.name
        self.waits: Callable[[float], None] = lambda _: None
        """Told the seconds that are spent waiting for a turn, which are not the agent's."""
        self._model = model
        self._pace = pace

    async def complete(
        self,
        messages: list[Message],
        *,
        on_wait: Callable[[FailedAttempt], None] | None = None,
        **settings: Any,  # noqa: ANN401 - passed on
    ) -> Completion:
        """Answer; see `agent.model.Model`."""
        await self._pace.enter(self.waits)
        since = self._pace.slowed

        def failed(attempt: FailedAttempt) -> None:
            nonlocal since
            if attempt.kind == ProviderRateLimited.__name__:
                since = self._pace.refused(since)
            if on_wait:
                on_wait(attempt)

        try:
            completion = await self._model.complete(messages, on_wait=failed, **settings)
        except ProviderRateLimited:
            self._pace.refused(since)
            raise
        finally:
            self._pace.leave()
        self._pace.answered()
        return completion
