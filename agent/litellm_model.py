"""Any model that litellm can call, with one owner of the retries and errors that say in a line what to do."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random, wait_random_exponential

from agent.formats import sound
from agent.model import (
    NOTHING_USED,
    Completion,
    Message,
    ModelError,
    ProviderRateLimited,
    ProviderUnavailable,
    ReplyRefused,
    Usage,
)
from agent.provider_errors import classified, shortened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType

    from tenacity import RetryCallState

_WORTH_ANOTHER_TRY = (ProviderRateLimited, ProviderUnavailable)
_BACK_OFF = wait_random_exponential(max=60)
_JITTER = wait_random(0, 1)  # trials that were told the same time must not all come back at once


class LiteLLMModel:
    """One model by its litellm name. Keys come from the environment, as litellm's page of the provider says."""

    def __init__(  # noqa: PLR0913 - all but the name have defaults
        self,
        name: str,
        *,
        api_base: str | None = None,
        temperature: float | None = None,
        attempt_timeout: float = 600.0,
        retry_budget: float = 600.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Prepare to ask a model; nothing is imported or connected yet.

        Args:
            name: such as ``openai/gpt-5`` or ``anthropic/claude-sonnet-4-5``.
            api_base: address of the server, where it is not the provider's own.
            temperature: left out for models that do not take one; ``None`` is the provider's default.
            attempt_timeout: seconds for one attempt.
            retry_budget: seconds after a first failure in which further attempts may start.
            sleep: waits between attempts.
            clock: seconds, as the event loop's time, which is the default.
        """
        self.name = name
        self.attempt_timeout = attempt_timeout
        self.retry_budget = retry_budget
        self.sleep = sleep
        self.clock = clock or (lambda: asyncio.get_running_loop().time())
        self.on_trouble: Callable[[ModelError, float], None] = lambda _error, _seconds: None
        """Called before each wait with what went wrong and the seconds until the next attempt."""
        self._options = {"api_base": api_base, "temperature": temperature}

    async def warm_up(self) -> None:
        """Import litellm, which takes seconds, in a thread."""
        await asyncio.to_thread(_litellm)

    async def close(self) -> None:
        """Close the connections, which litellm shares between all models of a process."""
        if not _litellm.cache_info().currsize:
            return
        litellm = _litellm()
        await litellm.close_litellm_async_clients()
        litellm.in_memory_llm_clients_cache.flush_cache()  # else the next call is handed a closed client

    async def complete(
        self,
        messages: list[Message],
        deadline: float | None = None,
        *,
        on_wait: Callable[[float], None] | None = None,
    ) -> Completion:
        """Ask, and ask again while that may help; see `agent.model.Model`.

        Nothing is begun after `deadline`, in the clock's time; ``None`` is no deadline.
        """
        await self._import_within(deadline)
        return await _Call(self, deadline, on_wait).answer([_sendable(message) for message in messages])

    async def attempt(self, messages: list[dict[str, str]], limit: float) -> Completion:
        """Ask once, for at most `limit` seconds."""
        litellm = _litellm()
        heard = _Heard()
        try:
            async with asyncio.timeout(limit):
                response = await litellm.acompletion(
                    model=self.name,
                    messages=messages,
                    drop_params=True,
                    num_retries=0,
                    max_retries=0,
                    timeout=limit + 1,  # ours comes first
                    logger_fn=heard.note,
                    **{name: value for name, value in self._options.items() if value is not None},
                )
        except TimeoutError as error:
            raise ProviderUnavailable(f"{self.name}: no answer within {limit:g} s") from error
        except litellm.exceptions.openai.OpenAIError as error:
            response = heard.response()  # paid for, even when litellm stumbled over it
            if response is None:
                raise self._classified(error, heard) from error
        return self._read(response, heard)

    async def _import_within(self, deadline: float | None) -> None:
        limit = None if deadline is None else deadline - self.clock()
        try:
            async with asyncio.timeout(limit):
                await self.warm_up()
        except TimeoutError as error:
            raise ProviderUnavailable(f"{self.name}: the time was up before it could be asked") from error

    def _read(self, response: Any, heard: _Heard) -> Completion:  # noqa: ANN401 - litellm's types are loose
        usage = self._usage(response, heard)
        if not getattr(response, "choices", None):
            said = usage if usage.prompt_tokens else NOTHING_USED
            raise _with_usage(ProviderUnavailable(f"{self.name}: the answer had no choices"), said)
        choice = response.choices[0]
        message = choice.message
        details = getattr(message, "provider_specific_fields", None) or {}
        text = _text(message.content)
        refusal = _text(getattr(message, "refusal", None) or details.get("refusal"))
        if choice.finish_reason == "content_filter" or refusal:
            reason = refusal or "finish_reason content_filter"
            refused = ReplyRefused(shortened(f"{self.name}: refused to answer: {reason}"))
            refused.text = refusal or text
            raise _with_usage(refused, usage)
        return Completion(
            text=text,
            reasoning=_text(getattr(message, "reasoning_content", None)) or None,
            usage=usage,
            finish_reason=_text(choice.finish_reason) or None,
            model=_text(response.model) or None,
        )

    def _usage(self, response: Any, heard: _Heard) -> Usage:  # noqa: ANN401 - litellm's types are loose
        said = heard.usage if heard.openai_shaped else _plain(getattr(response, "usage", None))
        usage = _tokens(said)
        # litellm writes 0 where a provider said nothing, and no prompt has 0 tokens.
        return Usage() if not usage.prompt_tokens else usage.model_copy(update={"cost_usd": self._cost(response)})

    def _cost(self, response: Any) -> float | None:  # noqa: ANN401 - litellm's types are loose
        try:
            return float(_litellm().completion_cost(completion_response=response, model=self.name))
        except Exception:  # noqa: BLE001 - litellm raises a bare Exception for a model without a price
            return None

    def _classified(self, error: Exception, heard: _Heard) -> ModelError:
        usage = _tokens(heard.usage)
        named = classified(self.name, error, self._key_advice)
        return _with_usage(named, usage if usage.prompt_tokens else NOTHING_USED)

    def _key_advice(self) -> str:
        missing = _litellm().validate_environment(self.name)["missing_keys"]
        return f"no API key; not set in the environment: {', '.join(missing)}: " if missing else "the key is refused: "


class _Call:
    """One question, with as many attempts as its time allows."""

    def __init__(self, model: LiteLLMModel, deadline: float | None, on_wait: Callable[[float], None] | None) -> None:
        self._on_wait = on_wait
        self._model = model
        self._deadline = deadline
        self._clock = model.clock
        self._begun = self._attempt_begun = self._clock()
        self._failed_since: float | None = None
        self._attempts = 0
        self._paid = NOTHING_USED

    async def answer(self, messages: list[dict[str, str]]) -> Completion:
        """Attempt until there is an answer, an error that stays, or no more time."""
        retrying = AsyncRetrying(
            sleep=self._model.sleep,
            wait=_wait,
            stop=self._stop,
            before_sleep=self._tell,
            retry=retry_if_exception_type(_WORTH_ANOTHER_TRY),
            reraise=True,
        )
        try:
            return await retrying(self._attempt, messages)
        except ModelError as error:
            error.usage = self._paid
            error.waited = self._clock() - self._begun
            if self._attempts > 1:
                error.args = (
                    f"{str(error).rstrip('.')}; gave up after {self._attempts} attempts in {error.waited:.0f} s",
                )
            raise

    async def _attempt(self, messages: list[dict[str, str]]) -> Completion:
        begun = self._attempt_begun = self._clock()
        limit = self._model.attempt_timeout
        if self._deadline is not None:
            limit = min(limit, self._deadline - begun)
        if limit <= 0:
            raise ProviderUnavailable(f"{self._model.name}: the time was up before it could be asked")
        self._attempts += 1
        try:
            completion = await self._model.attempt(messages, limit)
        except ModelError as error:
            self._paid += error.usage
            if self._failed_since is None:
                self._failed_since = self._clock()
            raise
        return completion.model_copy(update={"usage": self._paid + completion.usage, "waited": begun - self._begun})

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ModelError):
            self._model.on_trouble(error, state.upcoming_sleep)
        if self._on_wait:
            self._on_wait(self._clock() - self._attempt_begun + state.upcoming_sleep)

    def _stop(self, state: RetryCallState) -> bool:
        """Whether the next attempt would start too late."""
        start = self._clock() + state.upcoming_sleep
        since = start if self._failed_since is None else self._failed_since
        return start - since > self._model.retry_budget or (self._deadline is not None and start >= self._deadline)


class _Heard:
    """What the provider said, before litellm made something of it."""

    def __init__(self) -> None:
        self._body: dict[str, Any] = {}

    def note(self, details: Mapping[str, Any]) -> None:
        """Take the answer from one of litellm's events."""
        said = details.get("original_response")
        if details.get("log_event_type") != "post_api_call" or not isinstance(said, str):
            return
        try:
            body = json.loads(said)
        except (ValueError, RecursionError):
            return
        self._body = body if isinstance(body, dict) else {}

    @property
    def openai_shaped(self) -> bool:
        """Whether the answer has the shape that most providers share."""
        return "choices" in self._body

    @property
    def usage(self) -> dict[str, Any]:
        """What was said to be used, if anything was."""
        usage = self._body.get("usage")
        return usage if isinstance(usage, dict) else {}

    def response(self) -> Any:  # noqa: ANN401 - litellm's types are loose
        """Return a good answer in litellm's own type, ``None`` when there was none."""
        choices = self._body.get("choices")
        if self._body.get("error") or not isinstance(choices, list) or not choices:
            return None
        try:
            for choice in choices:
                choice["message"]["content"] = _text(choice["message"].get("content"))
            return _litellm().ModelResponse(**self._body)
        except (TypeError, KeyError, AttributeError, ValueError):
            return None


@functools.cache
def _litellm() -> ModuleType:
    """Import litellm, once, without a look at the network, and silence it."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm  # noqa: PLC0415 - takes seconds, so only a run that calls a model pays for it

        litellm.ModelResponse()  # its schema is made, with warnings, when it is first used
    warnings.filterwarnings("ignore", "Pydantic serializer warnings")  # the SDK's, of content that comes in parts
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return litellm


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    hint = getattr(error, "retry_after", None)
    return _BACK_OFF(state) if hint is None else hint + _JITTER(state)


def _sendable(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": sound(message.content)}


def _text(content: object) -> str:
    """Join content that comes in parts."""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return sound(content) if isinstance(content, str) else ""


def _plain(usage: Any) -> dict[str, Any]:  # noqa: ANN401 - litellm's types are loose
    return usage.model_dump() if usage is not None else {}


def _tokens(said: Mapping[str, Any]) -> Usage:
    details = said.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=_count(said.get("prompt_tokens")),
        completion_tokens=_count(said.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else None,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _with_usage(error: ModelError, usage: Usage) -> ModelError:
    error.usage = usage
    return error
