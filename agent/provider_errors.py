"""What a provider's error means: whether to ask again, and what to tell the user in a line.

Providers and litellm word the same thing in many ways, and put wrong statuses on some, so the words count first.
"""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from agent.formats import sound
from agent.model import (
    ContextLengthExceeded,
    ModelError,
    ProviderDenied,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ReplyRefused,
)
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINE_LIMIT, _SAID_LIMIT = 400, 2000


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
    ProviderDenied,
    "",
    r"missing credentials|missing \w+ api[ _]key|no key is set|unable to locate credentials"
    r"|api[ _]key (is |was )?(not (set|found|valid)|missing|invalid|required)|(incorrect|invalid|no) api[ _]key"
    r"|default credentials were not found",
)
_NO_QUOTA = _Rule(
    ProviderDenied,
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
    _Rule(ProviderDenied, "", status=HTTPStatus.UNAUTHORIZED),
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


def classified(model: str, error: Exception, key_advice: Callable[[], str]) -> ModelError:
    """Name what went wrong, once for all providers.

    Args:
        model: its name, for the message.
        error: what litellm raised.
        key_advice: says what is wrong with the model's key, where that is what is wrong.
    """
    said = _said(error)
    headers = _headers(error)
    hint = _retry_after(headers, said)
    rule = _rule(f"{type(error).__name__} {_code(error)} {_raw(error)}".lower(), _status(error), hint)
    advice = rule.advice or key_advice()
    if rule not in _RULES and not headers:
        advice = "failed: "  # the status is litellm's invention
    named = rule.kind(shortened(f"{model}: {advice}{_redacted(said) if advice.endswith(': ') else ''}"))
    named.retry_after = hint
    named.request_id = headers.get("x-request-id") or headers.get("request-id")
    if isinstance(named, ReplyRefused):
        named.text = said
    return named


def shortened(line: str) -> str:
    """Cut a line to what a message may be long."""
    return line if len(line) <= _LINE_LIMIT else f"{line[: _LINE_LIMIT - 1]}…"


def _rule(words: str, status: int | None, hint: float | None) -> _Rule:
    for rule in _RULES:
        # Gemini speaks of quota when a minute's limit is reached too, but then it says when to come back.
        if rule.fits(words, status) and not (rule is _NO_QUOTA and hint is not None):
            return rule
    rejected = status is not None and HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return _Rule(ProviderRejected if rejected else ProviderUnavailable, f"status {status}: ")


def _said(error: Exception) -> str:
    """Return the provider's own words in one line, out of what litellm and the SDKs put around them."""
    text = re.sub(r"^(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\b(?! code)[\s:.-]*)+", "", _raw(error))
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
    return sound(" ".join((inner if isinstance(inner, str) else text).split())[:_SAID_LIMIT])


def _raw(error: Exception) -> str:
    """Return what litellm says, in which codes and types stand that are not part of the message."""
    return str(getattr(error, "message", None) or error).split("Traceback (most recent call last)")[0]


def _status(error: Exception) -> int | None:
    """Return the HTTP status that came, at the bottom of the chain: litellm makes 400 of Anthropic's 413."""
    status: int | None = getattr(error, "status_code", None)
    cause: BaseException | None = error
    while cause is not None:
        came = getattr(getattr(cause, "response", None), "status_code", None)
        status = came if isinstance(came, int) and came >= HTTPStatus.BAD_REQUEST else status
        cause = cause.__cause__ or cause.__context__
    return status


def _code(error: Exception) -> str:
    body = getattr(error, "body", None)
    return f"{body.get('code')} {body.get('type')}" if isinstance(body, dict) else ""


def _headers(error: Exception) -> Mapping[str, str]:
    own = getattr(error, "litellm_response_headers", None)
    return own or getattr(getattr(error, "response", None), "headers", None) or {}


def _retry_after(headers: Mapping[str, str], said: str) -> float | None:
    """Return the seconds after which the provider wants to be asked again, if it says."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        with contextlib.suppress(ValueError, KeyError):
            return max(0.0, float(headers[name]) / unit)
    if when := headers.get("retry-after"):
        return _until(when, headers.get("date"))
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
    return re.sub(r"\b(sk|gsk|xai|AIza)[-_]?[\w*-]{12,}", "[key]", Redaction().text(text))
