"""What a provider is sent: the conversation in OpenAI's shape, as this provider wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from agent.formats import sound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from agent.model import FunctionCall, Message

_READS_REASONING = frozenset({"deepseek", "hosted_vllm", "moonshot", "together_ai", "xiaomi_mimo", "zai"})
"""Providers that want the thoughts of earlier turns back, as ``reasoning_content``."""
_MARKED_TURNS = 3
"""With the system message these are the 4 marks that Anthropic allows; the older ones find what was cached before."""
_NOTHING = "(nothing)"
"""Stands for an empty turn, which several providers refuse to be sent."""


class Dialect(NamedTuple):
    """What one model's provider wants beside OpenAI's shape."""

    marks: bool = False
    """Whether it caches only what is marked."""
    reasoning: bool = False
    """Whether thoughts are sent back."""


def dialect(litellm: ModuleType, name: str) -> Dialect:
    """Find out how to speak to a model, by its provider."""
    try:
        model, provider = litellm.get_llm_provider(name)[:2]
        config = litellm.ProviderConfigManager.get_provider_chat_config(model, litellm.LlmProviders(provider))
    except (litellm.exceptions.openai.OpenAIError, ValueError):
        return Dialect()  # the call will say that there is no such provider
    marks = (
        isinstance(config, litellm.AnthropicConfig)  # on Azure and Vertex too
        or (provider == "bedrock" and litellm.utils.supports_prompt_caching(name))  # it refuses marks of the others
        or (provider == "openrouter" and model.startswith("anthropic/"))
    )
    return Dialect(marks, provider in _READS_REASONING)


def dropped(litellm: ModuleType, name: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the options that make no difference to what litellm sends: that is how it leaves them out."""
    try:
        model, provider = litellm.get_llm_provider(name)[:2]
        nothing, *each = [
            litellm.utils.get_optional_params(model=model, custom_llm_provider=provider, drop_params=True, **some)
            for some in ({}, *({option: value} for option, value in options.items()))
        ]
    except Exception:  # noqa: BLE001 - litellm raises many kinds; the call itself will say what is wrong
        return ()
    return tuple(option for option, mapped in zip(options, each, strict=True) if mapped == nothing)


def sendable(messages: Sequence[Message], to: Dialect, *, with_tools: bool) -> list[dict[str, Any]]:
    """Write a conversation in OpenAI's shape."""
    sent = [_turn(message, to, with_tools=with_tools) for message in messages]
    if to.marks:
        for turn in _to_cache(sent):
            turn["cache_control"] = {"type": "ephemeral"}
    return sent


def _turn(message: Message, to: Dialect, *, with_tools: bool) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": sound(message.content)}
    if message.role == "assistant":
        turn |= message.echo
        if to.reasoning and message.reasoning:
            turn["reasoning_content"] = sound(message.reasoning)
        if message.calls and with_tools:
            turn["tool_calls"] = [_call(call) for call in message.calls]
    elif message.role == "tool":
        turn |= {"tool_call_id": message.call_id} if with_tools else {"role": "user"}
    if not turn["content"].strip():
        turn["content"] = None if "tool_calls" in turn else _NOTHING
    return turn


def _call(call: FunctionCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": sound(call.arguments)}}


def _to_cache(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    turns = [turn for turn in sent if turn["role"] in ("user", "tool")]
    return [turn for turn in sent[:1] if turn["role"] == "system"] + turns[-_MARKED_TURNS:]
