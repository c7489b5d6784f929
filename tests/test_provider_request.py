"""What a provider is sent, and what else it says, over HTTP: pytest tests/test_provider_request.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import Completion, FunctionCall, Message, ProviderRejected, Shortfall
from agent.provider_request import dialect
from agent.trajectory import Trajectory
from tests.fakes import HELLO
from tests.scripted_server import TOOL_CALL_ONLY, Fault, ScriptedServer, choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.litellm_model import LiteLLMModel

pytestmark = pytest.mark.usefixtures("litellm_imported", "keys")

TOOLS = [
    {
        "type": "function",
        "function": {"name": "bash", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}},
    }
]
CALL = {"id": "call_1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
CALLED = FunctionCall(id="call_1", name="bash", arguments='{"command": "ls"}')
MARK = {"type": "ephemeral"}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A provider that thinks, calls a tool, then speaks."""
    first = {"content": "", "tool_calls": [CALL], "reasoning_content": "hm"}
    with ScriptedServer([first, "two", "three", "four"]) as running:
        yield running


def conversation(turns: int) -> list[Message]:
    """A conversation that waits for its reply number `turns`."""
    said = [Message(role="system", content="rules"), *HELLO]
    for number in range(1, turns):
        said += [Message(role="assistant", content=f"reply {number}"), Message(role="user", content=f"look {number}")]
    return said


def answered(completion: Completion) -> list[Message]:
    return [*HELLO, completion.message(), Message(role="tool", content="file", call_id=completion.calls[0].id)]


def marked(turn: dict[str, Any]) -> bool:
    content = turn["content"]
    return isinstance(content, list) and content[-1].get("cache_control") == MARK


@pytest.mark.parametrize(
    "name", ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "deepseek/deepseek-reasoner", "hosted_vllm/ours"]
)
async def test_a_tools_call_and_its_answer_go_both_ways(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], name: str
) -> None:
    completion = await ask(name).complete(HELLO, tools=TOOLS)
    assert (completion.text, completion.finish_reason) == ("", "tool_calls")
    assert [(call.id, call.name, json.loads(call.arguments)) for call in completion.calls] == [
        ("call_1", "bash", {"command": "ls"})
    ]
    assert len(server.requests[0].body["tools"]) == 1
    assert (await ask(name).complete(answered(completion), tools=TOOLS)).text == "two"
    _, called, answer = server.requests[1].messages
    assert "call_1" in json.dumps(called)
    assert "call_1" in json.dumps(answer)
    assert "file" in json.dumps(answer)


async def test_without_tools_no_call_is_sent(server: ScriptedServer, ask: Callable[..., LiteLLMModel]) -> None:
    """Providers refuse a call of a tool that the request does not define."""
    said = [*HELLO, Message(role="assistant", content="", calls=(CALLED,)), Message(role="tool", content="file")]
    await ask("openai/gpt-4o").complete(said)
    assert server.requests[0].messages[1:] == [
        {"role": "assistant", "content": "(nothing)"},
        {"role": "user", "content": "file"},
    ]


async def test_odd_calls_are_read_all_the_same(server: ScriptedServer, ask: Callable[..., LiteLLMModel]) -> None:
    odd = {"type": "function", "function": {"name": "bash", "arguments": '{"broken'}}
    server.faults.append(choice(None, "tool_calls", tool_calls=[odd, CALL]))
    calls = (await ask("openai/gpt-4o").complete(HELLO, tools=TOOLS)).calls
    assert [(call.name, call.arguments) for call in calls] == [
        ("bash", '{"broken'),
        ("bash", '{"command": "ls"}'),
    ]
    assert all(call.id for call in calls)


async def test_signed_thoughts_go_back_as_they_came(server: ScriptedServer, ask: Callable[..., LiteLLMModel]) -> None:
    model = ask("anthropic/claude-sonnet-4-5", thinking_budget=2048)
    completion = await model.complete(HELLO, tools=TOOLS)
    assert completion.reasoning == "hm"
    await model.complete(answered(completion), tools=TOOLS)
    assert server.requests[1].body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert server.requests[1].messages[1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "signed"}


@pytest.mark.parametrize("odd", ["text", 1, [], {"a": 1}, [{"type": "thinking", "thinking": "\ud83d"}]], ids=ascii)
@pytest.mark.parametrize("key", ["thinking_blocks", "reasoning_details"])
async def test_odd_thoughts_break_nothing(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], tmp_path: Path, key: str, *, odd: object
) -> None:
    server.faults.append(choice("x", "stop", **{key: odd}))
    completion = await ask("openai/gpt-4o").complete(HELLO)
    trajectory = Trajectory("agent", "1")
    trajectory.reply(completion)
    trajectory.write(tmp_path / "trajectory.json")
    await ask("openai/gpt-4o").complete([*HELLO, completion.message(), *HELLO])
    assert all(isinstance(value, list) for value in completion.echo.values())


@pytest.mark.parametrize(
    ("name", "sent_back"),
    [("deepseek/deepseek-reasoner", True), ("hosted_vllm/ours", True), ("openai/gpt-4o", False)],
)
async def test_thoughts_go_back_to_providers_that_read_them(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], name: str, *, sent_back: bool
) -> None:
    completion = await ask(name).complete(HELLO, tools=TOOLS)
    assert completion.reasoning == "hm"
    await ask(name).complete(answered(completion), tools=TOOLS)
    assert (server.requests[1].messages[1].get("reasoning_content") == "hm") is sent_back


@pytest.mark.parametrize(
    "name", ["anthropic/claude-sonnet-4-5", "anthropic/of-tomorrow", "openrouter/anthropic/claude-sonnet-4.5"]
)
async def test_a_cache_that_needs_marks_gets_four(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], name: str
) -> None:
    await ask(name).complete(conversation(4))
    body = server.requests[0].body
    system = {"role": "system", "content": body["system"]} if "system" in body else body["messages"][0]
    turns = [turn for turn in body["messages"] if turn["role"] != "system"]
    assert marked(system)
    assert [marked(turn) for turn in turns] == [False, False, True, False, True, False, True]


@pytest.mark.parametrize("name", ["openai/gpt-5", "openai/claude-at-home", "deepseek/deepseek-chat", "hosted_vllm/x"])
async def test_a_cache_that_needs_no_marks_gets_none(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], name: str
) -> None:
    await ask(name).complete(conversation(3))
    assert "cache_control" not in json.dumps(server.requests[0].body)


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("azure_ai/claude-sonnet-4-5", True),
        ("azure_ai/gpt-5.5", False),
        ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("bedrock/us.amazon.nova-pro-v1:0", True),
        ("bedrock/meta.llama3-1-70b-instruct-v1:0", False),
        ("vertex_ai/claude-sonnet-4-5", True),
        ("vertex_ai/gemini-2.5-pro", False),
        ("openrouter/google/gemini-2.5-pro", False),
        ("nobody/nothing", False),
        ("", False),
    ],
)
def test_clouds_that_sell_several_makers_are_told_apart(name: str, *, marks: bool) -> None:
    import litellm  # noqa: PLC0415 - silenced first, by a fixture

    assert dialect(litellm, name).marks is marks


async def test_the_beginning_of_a_conversation_is_the_same_bytes_in_each_request(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel]
) -> None:
    """Else no provider finds it in its cache."""
    model = ask("openai/gpt-5")
    for turns in (2, 3, 4):
        await model.complete(conversation(turns))
    shorter, longer = (json.dumps(request.messages)[:-1] for request in server.requests[-2:])
    assert longer.startswith(shorter)


@pytest.mark.parametrize(
    ("usage", "cached", "written"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 64}}, 64, None),
        ({"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 90}}, 0, 90),
        ({"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, 64, None),
        ({"cached_tokens": 64}, 64, None),
        ({"cache_creation_input_tokens": 90, "prompt_tokens_details": None}, None, 90),
    ],
)
async def test_cached_tokens_have_many_names(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], usage: dict[str, Any], cached: int, written: int | None
) -> None:
    fault = choice("x")
    counts = {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101}
    server.faults.append(fault._replace(changes={**fault.changes, "usage": counts | usage}))
    used = (await ask("openai/gpt-4o").complete(HELLO)).usage
    assert (used.prompt_tokens, used.cached_tokens, used.cache_creation_tokens) == (100, cached, written)


@pytest.mark.parametrize(
    ("name", "options", "sent_and_dropped"),
    [
        ("openai/gpt-4o", {}, ({}, ())),
        ("openai/gpt-4o", {"temperature": 0.0}, ({"temperature": 0.0}, ())),
        ("openai/gpt-4o", {"reasoning_effort": "low"}, ({}, ("reasoning_effort",))),
        ("openai/gpt-5", {"reasoning_effort": "low"}, ({"reasoning_effort": "low"}, ())),
        ("openai/o3", {"temperature": 0.2, "thinking_budget": 1024}, ({}, ("temperature", "thinking"))),
        (
            "anthropic/claude-sonnet-4-5",
            {"thinking_budget": 2048},
            ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ()),
        ),
    ],
)
async def test_options_are_sent_where_they_are_known_and_named_where_not(
    server: ScriptedServer,
    ask: Callable[..., LiteLLMModel],
    name: str,
    options: dict[str, Any],
    sent_and_dropped: tuple[dict[str, Any], tuple[str, ...]],
) -> None:
    completion = await ask(name, **options).complete(HELLO)
    body = server.requests[0].body
    optional = ("temperature", "reasoning_effort", "thinking", "logprobs", "return_token_ids")
    sent = {option: body[option] for option in optional if option in body}
    assert (sent, completion.dropped) == sent_and_dropped


async def test_an_effort_that_nobody_knows_is_told_at_once(ask: Callable[..., LiteLLMModel]) -> None:
    with pytest.raises(ProviderRejected, match="easoning effort"):
        await ask("anthropic/claude-sonnet-4-5", reasoning_effort="enormous").complete(HELLO)


async def test_token_ids_and_log_probabilities_come_when_asked_for(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel]
) -> None:
    plain = await ask("hosted_vllm/ours").complete(conversation(2))
    assert (plain.prompt_token_ids, plain.completion_token_ids, plain.logprobs) == (None, None, None)
    completion = await ask("hosted_vllm/ours", token_ids=True).complete(conversation(3))
    assert completion.text == "three"
    assert completion.prompt_token_ids == tuple(range(completion.usage.prompt_tokens or 0))
    assert len(completion.completion_token_ids or ()) == 2
    assert completion.logprobs == (-0.5, -0.5)
    assert "logprobs" not in server.requests[0].body


async def test_a_completion_says_what_was_asked_and_under_which_name(ask: Callable[..., LiteLLMModel]) -> None:
    completion = await ask("openai/gpt-4o").complete(conversation(2))
    assert (completion.requested, completion.model, completion.request_id) == ("openai/gpt-4o", "gpt-4o", "req-1")


@pytest.mark.parametrize(
    ("fault", "shortfall"),
    [
        (choice(""), Shortfall.EMPTY),
        (choice(" \n"), Shortfall.EMPTY),
        (TOOL_CALL_ONLY, Shortfall.ONLY_CALLS),
        (choice("half of", "length"), Shortfall.TRUNCATED),
        (choice(None, "length", reasoning_content="still thinking"), Shortfall.TRUNCATED),
        (choice("whole"), None),
    ],
)
async def test_what_a_reply_lacks_has_a_name(
    server: ScriptedServer,
    ask: Callable[..., LiteLLMModel],
    fault: Fault,
    shortfall: Shortfall | None,
) -> None:
    server.faults.append(fault)
    assert (await ask("openai/gpt-4o").complete(HELLO)).shortfall is shortfall
