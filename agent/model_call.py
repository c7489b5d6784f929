"""One question to a model, with as many attempts as its time allows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random, wait_random_exponential

from agent.model import FailedAttempt, ModelError, ProviderRateLimited, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tenacity import RetryCallState

    from agent.litellm_model import LiteLLMModel
    from agent.model import Completion

_WORTH_ANOTHER_TRY = (ProviderRateLimited, ProviderUnavailable)
_PATIENCE = 8.0
"""Seconds for which a cancelled question still waits for its answer; a second cancellation ends it at once."""
_BACK_OFF = wait_random_exponential(max=60)
_JITTER = wait_random(0, 1)  # trials that were told the same time must not all come back at once


class ModelCall:
    """The only owner of retries."""

    def __init__(
        self, model: LiteLLMModel, deadline: float | None, on_wait: Callable[[FailedAttempt], None] | None
    ) -> None:
        self._on_wait = on_wait
        self._model = model
        self._deadline = deadline
        self._clock = model.clock
        self._begun = self._attempt_begun = self._clock()
        self._failed_since: float | None = None
        self._attempts = 0

    async def answer(self, ask: Callable[[float], Coroutine[Any, Any, Completion]]) -> Completion:
        """Attempt until there is an answer, an error that stays, or no more time.

        Args:
            ask: makes one attempt of at most the seconds that it is given.
        """
        retrying = AsyncRetrying(
            sleep=self._model.sleep,
            wait=_wait,
            stop=self._stop,
            before_sleep=self._tell,
            retry=retry_if_exception_type(_WORTH_ANOTHER_TRY),
            reraise=True,
        )
        try:
            return await retrying(self._attempt, ask)
        except ModelError as error:
            error.waited = self._clock() - self._begun
            if self._attempts > 1:
                error.args = (
                    f"{str(error).rstrip('.')}; gave up after {self._attempts} attempts in {error.waited:.0f} s",
                )
            raise

    async def _attempt(self, ask: Callable[[float], Coroutine[Any, Any, Completion]]) -> Completion:
        begun = self._attempt_begun = self._clock()
        limit = self._model.attempt_timeout
        if self._deadline is not None:
            limit = min(limit, self._deadline - begun)
        if limit <= 0:
            raise ProviderUnavailable(f"{self._model.name}: the time was up before it could be asked")
        self._attempts += 1
        try:
            completion = await _paid_for(ask(limit))
        except ModelError:
            if self._failed_since is None:
                self._failed_since = self._clock()
            raise
        waited = begun - self._begun if self._attempts > 1 else 0.0
        return completion.model_copy(update={"waited": waited})

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, ModelError):
            return
        self._model.on_trouble(error, state.upcoming_sleep)
        if self._on_wait:
            self._on_wait(FailedAttempt.of(error, self._clock() - self._attempt_begun + state.upcoming_sleep))

    def _stop(self, state: RetryCallState) -> bool:
        """Whether the next attempt would start too late."""
        start = self._clock() + state.upcoming_sleep
        since = start if self._failed_since is None else self._failed_since
        return start - since > self._model.retry_budget or (self._deadline is not None and start >= self._deadline)


async def _paid_for(answer: Coroutine[Any, Any, Completion]) -> Completion:
    """Await an answer, for a while also when cancelled: it is paid for, and the caller writes it down first."""
    asking = asyncio.create_task(answer)
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([asking], timeout=_PATIENCE)
        finally:
            asking.cancel()
        if not asking.done() or asking.cancelled() or asking.exception():
            raise
        if task := asyncio.current_task():
            task.uncancel()
            task.cancel()  # at its next wait
        return asking.result()


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    hint = getattr(error, "retry_after", None)
    return _BACK_OFF(state) if hint is None else hint + _JITTER(state)
