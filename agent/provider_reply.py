"""What a provider answered, read into our own values whatever shape it came in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent.formats import sound
from agent.model import NOTHING_USED, Completion, FunctionCall, ProviderUnavailable, ReplyRefused, Usage
from agent.provider_errors import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_ECHOED = ("thinking_blocks", "reasoning_details", "reasoning_items")
"""Thoughts that are signed or encrypted: Anthropic's, which Bedrock and Vertex have too, OpenRouter's, OpenAI's."""


class Heard:
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
    def usage(self) -> Usage:
        """What was said to be used, without a price."""
        usage = self._body.get("usage")
        return tokens(usage if isinstance(usage, dict) else {})

    @property
    def id(self) -> str | None:
        """The answer's own name."""
        return _text(self._body.get("id")) or None

    @property
    def prompt_token_ids(self) -> tuple[int, ...] | None:
        """The prompt's tokens, from servers such as vLLM."""
        return _ids(self._body.get("prompt_token_ids"))

    @property
    def completion_token_ids(self) -> tuple[int, ...] | None:
        """The answer's tokens, from the same servers."""
        choices = self._body.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        return _ids(first.get("token_ids")) if isinstance(first, dict) else None

    def response(self, litellm: ModuleType) -> Any:  # noqa: ANN401 - litellm's types are loose
        """Return a good answer in litellm's own type, ``None`` when there was none."""
        choices = self._body.get("choices")
        if self._body.get("error") or not isinstance(choices, list) or not choices:
            return None
        try:
            for choice in choices:
                choice["message"]["content"] = _text(choice["message"].get("content"))
            return litellm.ModelResponse(**self._body)
        except (TypeError, KeyError, AttributeError, ValueError):
            return None


def read(response: Any, heard: Heard, model: str, usage: Usage) -> Completion:  # noqa: ANN401 - litellm's types are loose
    """Read an answer in litellm's type.

    Raises:
        ProviderUnavailable: there is no message in it.
        ReplyRefused: the model or a filter declined.
    """
    request_id = _request_id(response) or heard.id
    if not getattr(response, "choices", None):
        empty = ProviderUnavailable(f"{model}: the answer had no choices")
        empty.usage, empty.request_id = (usage if usage.prompt_tokens else NOTHING_USED), request_id
        raise empty
    choice = response.choices[0]
    message = choice.message
    details = getattr(message, "provider_specific_fields", None) or {}
    text = _text(message.content)
    refusal = _text(getattr(message, "refusal", None) or details.get("refusal"))
    if choice.finish_reason == "content_filter" or refusal:
        refused = ReplyRefused(shortened(f"{model}: refused to answer: {refusal or 'finish_reason content_filter'}"))
        refused.text, refused.usage, refused.request_id = refusal or text, usage, request_id
        raise refused
    return Completion(
        text=text,
        reasoning=_text(getattr(message, "reasoning_content", None)) or None,
        echo=_echo(message, details),
        calls=tuple(_call(number, call) for number, call in enumerate(getattr(message, "tool_calls", None) or [], 1)),
        usage=usage,
        finish_reason=_text(choice.finish_reason) or None,
        model=_text(response.model) or None,
        requested=model,
        request_id=request_id,
        prompt_token_ids=heard.prompt_token_ids,
        completion_token_ids=heard.completion_token_ids,
        logprobs=_logprobs(choice),
    )


def tokens(said: Mapping[str, Any]) -> Usage:
    """Read a usage object; the same fact has several names."""
    details = said.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    cached = (details.get("cached_tokens"), said.get("prompt_cache_hit_tokens"), said.get("cached_tokens"))
    created = (
        said.get("cache_creation_input_tokens"),
        details.get("cache_creation_tokens"),
        details.get("cache_write_tokens"),
    )
    return Usage(
        prompt_tokens=_count(said.get("prompt_tokens")),
        completion_tokens=_count(said.get("completion_tokens")),
        cached_tokens=_first_count(cached),
        cache_creation_tokens=_first_count(created),
    )


def _first_count(values: tuple[object, ...]) -> int | None:
    return next((count for value in values if (count := _count(value)) is not None), None)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _echo(message: Any, details: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - litellm's types are loose
    found = {name: getattr(message, name, None) or details.get(name) for name in _ECHOED}
    lists = {name: value for name, value in found.items() if value and isinstance(value, list)}
    plain: dict[str, Any] = json.loads(sound(json.dumps(lists, ensure_ascii=False, default=dict))) if lists else {}
    return plain


def _call(number: int, call: Any) -> FunctionCall:  # noqa: ANN401 - litellm's types are loose
    arguments = call.function.arguments
    return FunctionCall(
        id=_text(call.id) or f"call_{number}",
        name=_text(call.function.name),
        arguments=sound(arguments) if isinstance(arguments, str) else json.dumps(arguments),
    )


def _logprobs(choice: Any) -> tuple[float, ...] | None:  # noqa: ANN401 - litellm's types are loose
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    found = [getattr(token, "logprob", None) for token in content] if isinstance(content, list) else []
    known = tuple(float(value) for value in found if isinstance(value, int | float))
    return known if known and len(known) == len(found) else None


def _ids(value: object) -> tuple[int, ...] | None:
    good = isinstance(value, list) and value and all(isinstance(item, int) for item in value)
    return tuple(value) if good and isinstance(value, list) else None


def _request_id(response: Any) -> str | None:  # noqa: ANN401 - litellm's types are loose
    headers = (getattr(response, "_hidden_params", None) or {}).get("additional_headers") or {}
    return headers.get("llm_provider-x-request-id") or headers.get("llm_provider-request-id")


def _text(content: object) -> str:
    """Join content that comes in parts."""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return sound(content) if isinstance(content, str) else ""
