"""Any model that litellm can call, with one owner of the retries and errors that say in a line what to do."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import re
import warnings
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random, wait_random_exponential

from agent.model import (
    NOTHING_USED,
    Completion,
    ContextLengthExceeded,
    Message,
    ModelError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ReplyRefused,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType

    from tenacity import RetryCallState

_WORTH_ANOTHER_TRY = (ProviderRateLimited, ProviderUnavailable)
_BACK_OFF = wait_random_exponential(max=60)
_JITTER = wait_random(0, 1)  # trials that were told the same time must not all come back at once
_LINE_LIMIT, _SAID_LIMIT = 400, 2000
_MESSAGE_KEYS = ("error", "message", "detail")
"""Where providers put their words in an error body, outermost first."""
_SHORTEST_KEY = 8


class _Rule(NamedTuple):
    """One line of the classification."""

    kind: type[ModelError]
    advice: str
    """What the message says; the provider's own words follow a colon. Empty is advice about keys."""
    words: str = ""
    """A pattern in the error's class, code and message."""
    status: HTTPStatus | None = None
    """The only HTTP status it is for."""

    def fits(self, words: str, status: int | None) -> bool:
        """Whether an error is of this kind."""
        return self.status in (None, status) and re.search(self.words, words) is not None


_NO_KEY = _Rule(
    ProviderRejected,
    "",
    r"missing credentials|missing \w+ api[ _]key|no key is set|unable to locate credentials"
    r"|api[ _]key (is |was )?(not (set|found|valid)|missing|invalid|required)|(incorrect|invalid|no) api[ _]key"
    r"|default credentials were not found",
)
_NO_QUOTA = _Rule(
    ProviderRejected,
    "no more quota: ",
    r"insufficient[_ ](quota|credits?|balance|funds)|exceeded your current quota|credit balance is too low"
    r"|requires more credits|billing hard limit|account is not active",
)
_TOO_LONG = (
    r"contextwindowexceedederror|context_length_exceeded|exceed_context_size",  # litellm, OpenAI, llama.cpp
    r"maximum (context|prompt|model|input) length",  # OpenAI, vLLM, Mistral, OpenRouter, DeepSeek, xAI, Fireworks
    r"exceeds? (the|this|your|its) [^.]{0,40}context|exceeds? (context|model token) limit",  # OpenAI, llama.cpp, Claude
    r"exceeds the maximum number of tokens|input tokens? (count )?[^.]{0,20}exceed",  # Gemini, OpenAI, Bedrock
    r"exceeded model token limit|prompt exceeds max length|context window exceeds",  # Moonshot, Zhipu, MiniMax
    r"(prompt|input|request|conversation) (is|was) too (long|large)\b",  # Claude, Bedrock, Fireworks
    r"longer than the (model's|maximum) [a-z ]*(context|length)",  # SGLang, vLLM
    r"`inputs` (tokens \+ `max_new_tokens` must|must have less)",  # text-generation-inference, Together
    r"too many (input )?tokens[.:] |reduce the length of the (messages|prompt|input)",  # Cohere, Titan, Groq
    r"current length is \d+ while limit is|range of input length should be",  # Cerebras, Qwen
    r"greater than the context length|tokens when context the overflows",  # LM Studio
    r"request_too_large|request body too large for",  # Claude, GitHub
    r"string too long\. expected a string with maximum length \d{6}",  # OpenAI, of one message
)
_REFUSED = (
    r"content_policy_violation|responsibleaipolicyviolation|content_filter|usage policy|safety system"
    r"|flagged (by|as)|prompt was blocked|data_inspection_failed"
)
_RULES = (
    # A 429 that waiting does not mend: OpenAI and Groq say it of one request that is more than a whole minute's tokens.
    _Rule(
        ContextLengthExceeded,
        "too long: ",
        r"request too large for|tokens must be reduced",
        HTTPStatus.TOO_MANY_REQUESTS,
    ),
    _NO_QUOTA,
    _Rule(ProviderRateLimited, "too many requests (429): ", status=HTTPStatus.TOO_MANY_REQUESTS),
    _Rule(ProviderRejected, "", status=HTTPStatus.UNAUTHORIZED),
    _NO_KEY,
    _Rule(ProviderRejected, "no such provider; write provider/model, such as openai/gpt-5", "provider not provided"),
    _Rule(ProviderRejected, "a package is missing here: ", "no module named"),
    _Rule(ProviderRejected, "no such model: ", "unmapped llm provider|model_not_found|is not a valid model"),
    _Rule(ReplyRefused, "refused to answer: ", "contentpolicyviolationerror"),
    _Rule(ReplyRefused, "refused to answer: ", _REFUSED, HTTPStatus.BAD_REQUEST),
    _Rule(ContextLengthExceeded, "the conversation is too long: ", "|".join(_TOO_LONG)),
    _Rule(ContextLengthExceeded, "the conversation is too long (413): ", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    _Rule(ProviderUnavailable, "no connection: ", r"connection error|cannot connect|connection refused"),
    _Rule(ProviderUnavailable, "status 408: ", status=HTTPStatus.REQUEST_TIMEOUT),
    _Rule(ProviderUnavailable, "status 409: ", status=HTTPStatus.CONFLICT),
    _Rule(ProviderUnavailable, "status 425: ", status=HTTPStatus.TOO_EARLY),
)
"""The first that fits; else a status of 4xx is `ProviderRejected` and all the rest `ProviderUnavailable`."""


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

    async def complete(self, messages: list[Message], deadline: float | None = None) -> Completion:
        """Ask, and ask again while that may help; see `agent.model.Model`."""
        await self._import_within(deadline)
        return await _Call(self, deadline).answer([_sendable(message) for message in messages])

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
            refused = ReplyRefused(_shortened(f"{self.name}: refused to answer: {reason}"))
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
        """Name what went wrong, once for all providers."""
        said = _said(error)
        headers = _headers(error)
        hint = _retry_after(headers, said)
        rule = _rule(f"{type(error).__name__} {_code(error)} {said}".lower(), getattr(error, "status_code", None), hint)
        advice = rule.advice or self._key_advice()
        if rule not in _RULES and not headers:
            advice = "failed: "  # the status is litellm's invention
        named = rule.kind(_shortened(f"{self.name}: {advice}{_redacted(said) if advice.endswith(': ') else ''}"))
        named.retry_after = hint
        if isinstance(named, ReplyRefused):
            named.text = said
        usage = _tokens(heard.usage)
        return _with_usage(named, usage if usage.prompt_tokens else NOTHING_USED)

    def _key_advice(self) -> str:
        missing = _litellm().validate_environment(self.name)["missing_keys"]
        return f"no API key; not set in the environment: {', '.join(missing)}: " if missing else "the key is refused: "


class _Call:
    """One question, with as many attempts as its time allows."""

    def __init__(self, model: LiteLLMModel, deadline: float | None) -> None:
        self._model = model
        self._deadline = deadline
        self._clock = model.clock
        self._begun = self._clock()
        self._failed_since: float | None = None
        self._attempts = 0
        self._paid = NOTHING_USED

    async def answer(self, messages: list[dict[str, str]]) -> Completion:
        """Attempt until there is an answer, an error that stays, or no more time."""
        retrying = AsyncRetrying(
            sleep=self._model.sleep,
            wait=_wait,
            stop=self._stop,
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
        begun = self._clock()
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
    return {"role": message.role, "content": _without_surrogates(message.content)}


def _without_surrogates(text: str) -> str:
    """Join surrogates that are a pair and replace the others: no UTF-8 has them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _text(content: object) -> str:
    """Join content that comes in parts."""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return _without_surrogates(content) if isinstance(content, str) else ""


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


def _rule(words: str, status: int | None, hint: float | None) -> _Rule:
    for rule in _RULES:
        # Gemini speaks of quota when a minute's limit is reached too, but then it says when to come back.
        if rule.fits(words, status) and not (rule is _NO_QUOTA and hint is not None):
            return rule
    rejected = status is not None and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return _Rule(ProviderRejected if rejected else ProviderUnavailable, f"status {status}: ")


def _said(error: Exception) -> str:
    """Return the provider's own words in one line, out of what litellm and the SDKs put around them."""
    text = str(getattr(error, "message", None) or error).split("Traceback (most recent call last)")[0]
    text = re.sub(r"^(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\b(?! code)[\s:.-]*)+", "", text)
    text = re.sub(r"^Error code: \d+ - ", "", text)
    found = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        inner = json.loads(found[0]) if found else None
    except (ValueError, RecursionError):
        inner = None
    while isinstance(inner, dict | list) and inner:
        inner = (
            inner[0] if isinstance(inner, list) else inner.get("error") or inner.get("message") or inner.get("detail")
        )
    return " ".join((inner if isinstance(inner, str) else text).split())[:_SAID_LIMIT]


def _code(error: Exception) -> str:
    body = getattr(error, "body", None)
    return f"{body.get('code')} {body.get('type')}" if isinstance(body, dict) else ""


def _headers(error: Exception) -> Mapping[str, str]:
    own = getattr(error, "litellm_response_headers", None)
    return own or getattr(getattr(error, "response", None), "headers", None) or {}


def _retry_after(headers: Mapping[str, str], said: str) -> float | None:
    """Return the seconds after which the provider wants to be asked again, if it says."""
    value = headers.get("retry-after")
    if value is not None:
        try:
            return max(0.0, float(value))
        except ValueError:
            return _until(value, headers.get("date"))
    found = re.search(r"(?:retry|try again) (?:in|after) (\d+(?:\.\d+)?) ?(ms|s)", said, re.IGNORECASE)
    return float(found[1]) / (1000 if found[2].lower() == "ms" else 1) if found else None


def _until(when: str, now: str | None) -> float | None:
    """Return the seconds until an HTTP date, by the server's own clock where it says what time it is."""
    try:
        end = parsedate_to_datetime(when)
    except ValueError:
        return None
    try:
        begin = parsedate_to_datetime(now or "")
    except ValueError:
        begin = datetime.now(UTC)
    return max(0.0, (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds())


def _redacted(text: str) -> str:
    """Take out keys, which some providers repeat when they refuse them."""
    for name, value in os.environ.items():
        if re.search(r"KEY|TOKEN|SECRET|PASSWORD", name) and len(value) >= _SHORTEST_KEY:
            text = text.replace(value, f"[{name}]")
    return re.sub(r"\b(sk|gsk|xai|AIza)[-_]?[\w*-]{12,}", "[key]", text)


def _shortened(line: str) -> str:
    return line if len(line) <= _LINE_LIMIT else f"{line[: _LINE_LIMIT - 1]}…"
