"""Calls of a model over HTTP, good and bad answers: pytest tests/test_litellm_model.py."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from agent.litellm_model import LiteLLMModel
from agent.model import (
    NOTHING_USED,
    FailedAttempt,
    Message,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ReplyRefused,
    Usage,
)
from tests.fakes import HELLO, KEY, Clock, until
from tests.scripted_server import (
    CUT,
    EMPTY,
    FILTERED,
    HTML,
    NO_CHOICES,
    NO_USAGE,
    RESET,
    TOOL_CALL_ONLY,
    Fault,
    ScriptedServer,
    choice,
    drip,
    hang,
    json_body,
    status,
)

pytestmark = pytest.mark.usefixtures("litellm_imported", "keys")


def test_litellm_is_imported_by_the_first_call_and_not_before() -> None:
    code = "import sys, agent.litellm_model as m; m.LiteLLMModel('openai/gpt-5'); sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_good_answer_is_told_with_its_usage_and_price(server: ScriptedServer, model: LiteLLMModel) -> None:
    completion = await model.complete(HELLO)
    assert (completion.text, completion.finish_reason, completion.model) == ("one", "stop", "gpt-5")
    assert completion.waited == 0
    assert completion.usage.model_copy(update={"cost_usd": None}) == Usage(
        prompt_tokens=8, completion_tokens=1, cached_tokens=0
    )
    assert completion.usage.cost_usd == pytest.approx(8 * 1.25e-6 + 1e-5)
    assert server.requests[0].messages == [{"role": "user", "content": "hello"}]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_conversation_decides_the_reply(model: LiteLLMModel) -> None:
    said = [*HELLO, Message(role="assistant", content="one"), Message(role="user", content="go on")]
    assert (await model.complete(said)).text == "two"


async def test_a_temperature_is_sent_where_it_is_known(server: ScriptedServer, clock: Clock) -> None:
    model = LiteLLMModel("openai/gpt-4o", api_base=server.url, temperature=0.25, sleep=clock.sleep, clock=clock)
    await model.complete(HELLO)
    await model.close()
    assert server.requests[0].body["temperature"] == 0.25


@pytest.mark.fault("F01")
async def test_too_many_requests_for_a_minute_are_waited_out(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock
) -> None:
    server.faults.extend([status(429, "Rate limit reached")] * 1000)
    clock.when[1060.0] = server.faults.clear
    completion = await model.complete(HELLO)
    assert completion.text == "one"
    assert completion.waited == pytest.approx(sum(clock.slept))
    assert completion.waited >= 60
    assert len(server.requests) == len(clock.slept) + 1 < 40


@pytest.mark.parametrize("header", [("Retry-After", "20"), ("Retry-After-Ms", "20000")])
@pytest.mark.fault("F02")
async def test_retry_after_is_kept(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock, header: tuple[str, str]
) -> None:
    server.faults.append(status(429, headers=dict([header])))
    await model.complete(HELLO)
    assert len(clock.slept) == 1
    assert 20 < clock.slept[0] <= 21  # all trials were told the same, and must not come back at once


@pytest.mark.fault("F02")
async def test_retry_after_as_a_date_is_kept(server: ScriptedServer, model: LiteLLMModel, clock: Clock) -> None:
    dates = {"Date": "Mon, 02 Mar 2026 10:00:00 GMT", "Retry-After": "Mon, 02 Mar 2026 10:00:30 GMT"}
    server.faults.append(status(503, headers=dates))
    await model.complete(HELLO)
    assert len(clock.slept) == 1
    assert 30 <= clock.slept[0] <= 31


@pytest.mark.parametrize("words", ["Please retry in 12.5s.", "Please try again in 12500ms."])
async def test_a_time_in_the_message_is_kept(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock, words: str
) -> None:
    server.faults.append(status(429, f"You exceeded your current quota, please check your plan. {words}"))
    await model.complete(HELLO)
    assert len(clock.slept) == 1
    assert 12.5 <= clock.slept[0] <= 13.5


async def test_a_retry_after_past_the_budget_is_not_waited_for(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock
) -> None:
    server.faults.append(status(429, headers={"Retry-After": "86400"}))
    with pytest.raises(ProviderRateLimited):
        await model.complete(HELLO)
    assert clock.slept == []


async def test_what_a_refusal_used_is_counted(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.append(FILTERED)
    with pytest.raises(ReplyRefused) as caught:
        await model.complete(HELLO)
    assert caught.value.usage.prompt_tokens == 8
    assert caught.value.usage.cost_usd is not None


@pytest.mark.parametrize(
    ("fault", "text", "finish_reason"),
    [
        (EMPTY, "", "stop"),
        (choice(None), "", "stop"),
        (TOOL_CALL_ONLY, "", "tool_calls"),
        (choice("cut of", "length"), "cut of", "length"),
        (choice("\ud83d lone, \ud83d\ude00 paired"), "\ufffd lone, \U0001f600 paired", "stop"),
        (choice("a\0b\x1b[0m\u2028"), "a\0b\x1b[0m\u2028", "stop"),
    ],
)
@pytest.mark.fault("F13")
async def test_odd_answers_are_passed_on(
    server: ScriptedServer, model: LiteLLMModel, fault: Fault, text: str, finish_reason: str
) -> None:
    server.faults.append(fault)
    completion = await model.complete(HELLO)
    assert (completion.text, completion.finish_reason, len(server.requests)) == (text, finish_reason, 1)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the OpenAI SDK's, of types it does not expect
@pytest.mark.parametrize("value", [None, 5, 0.5, True, [], {}, [{}], {"a": 1}, "\ud800"], ids=ascii)
@pytest.mark.parametrize("key", ["id", "created", "model", "object", "usage", "finish_reason", "reasoning_content"])
async def test_an_answer_with_something_odd_beside_it_is_an_answer(
    server: ScriptedServer, model: LiteLLMModel, key: str, value: object
) -> None:
    message: dict[str, Any] = {"role": "assistant", "content": "text"}
    first: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": message}
    answer: dict[str, Any] = {"id": "1", "object": "chat.completion", "model": "m", "created": 1, "choices": [first]}
    {"finish_reason": first, "reasoning_content": message}.get(key, answer)[key] = value
    server.faults.extend([json_body(answer)] * 3)
    assert (await model.complete(HELLO)).text in ("text", "one")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the OpenAI SDK's, of a list where it expects text
async def test_content_in_parts_is_joined_and_not_paid_twice(server: ScriptedServer, model: LiteLLMModel) -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    server.faults.append(choice(parts))
    completion = await model.complete(HELLO)
    assert (completion.text, completion.usage.prompt_tokens, len(server.requests)) == ("one two", 8, 1)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
async def test_reasoning_is_kept_apart(server: ScriptedServer, model: LiteLLMModel, key: str) -> None:
    server.faults.append(choice("the answer", **{key: "the thoughts"}))
    completion = await model.complete(HELLO)
    assert (completion.text, completion.reasoning) == ("the answer", "the thoughts")


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": None}])
@pytest.mark.fault("F15")
async def test_usage_that_is_not_said_is_unknown(
    server: ScriptedServer, model: LiteLLMModel, usage: dict[str, Any] | None
) -> None:
    server.faults.append(NO_USAGE._replace(changes={"usage": usage}))
    assert (await model.complete(HELLO)).usage == Usage()


async def test_usage_that_is_half_said_is_half_known(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.append(Fault(changes={"usage": {"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 79}}))
    usage = (await model.complete(HELLO)).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (70, 9, None)


@pytest.mark.fault("F15")
async def test_a_model_without_a_price_has_no_cost(server: ScriptedServer, clock: Clock) -> None:
    model = LiteLLMModel("openai/our-own-model", api_base=server.url, sleep=clock.sleep, clock=clock)
    usage = (await model.complete(HELLO)).usage
    await model.close()
    assert (usage.prompt_tokens, usage.cost_usd) == (8, None)


@pytest.mark.fault("F14")
async def test_usage_of_failed_attempts_is_counted(server: ScriptedServer, model: LiteLLMModel) -> None:
    failed = json_body({"error": {"message": "upstream", "code": 502}, "usage": {"prompt_tokens": 50}})
    unsaid = NO_CHOICES._replace(changes={"choices": [], "usage": None})
    server.faults.extend([NO_CHOICES, NO_CHOICES, status(500), unsaid])
    told: list[FailedAttempt] = []
    usage = (await model.complete(HELLO, on_wait=told.append)).usage
    assert [attempt.usage.prompt_tokens for attempt in told] == [8, 8, 0, 0]
    assert told[2].usage == told[3].usage == NOTHING_USED
    assert (usage.prompt_tokens, usage.completion_tokens) == (8, 1)
    assert told[0].usage.cost_usd == usage.cost_usd == pytest.approx(8 * 1.25e-6 + 1e-5)
    server.faults.append(failed)
    await model.complete(HELLO, on_wait=told.append)
    assert told[4].usage == Usage(prompt_tokens=50)


async def test_a_failure_says_what_was_used(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.extend([NO_CHOICES, status(401)])
    told: list[FailedAttempt] = []
    with pytest.raises(ProviderRejected) as caught:
        await model.complete(HELLO, on_wait=told.append)
    assert (told[0].kind, told[0].usage.prompt_tokens) == ("ProviderUnavailable", 8)
    assert caught.value.usage == NOTHING_USED


@pytest.mark.fault("F05")
async def test_a_refused_connection_is_tried_until_the_server_is_up(clock: Clock) -> None:
    server = ScriptedServer(["one"], port=free_port())
    model = LiteLLMModel("openai/gpt-5", api_base=f"http://127.0.0.1:{server.port}/v1", sleep=clock.sleep, clock=clock)
    clock.when[1060.0] = server.__enter__
    completion = await model.complete(HELLO)
    await model.close()
    server.__exit__()
    assert (completion.text, len(server.requests)) == ("one", 1)
    assert completion.waited >= 60


@pytest.mark.parametrize("fault", [hang(30), drip(0.05), drip(10)])
@pytest.mark.fault("F06")
async def test_an_attempt_ends_at_its_own_time(server: ScriptedServer, clock: Clock, fault: Fault) -> None:
    model = LiteLLMModel("openai/gpt-5", api_base=server.url, attempt_timeout=0.5, sleep=clock.sleep, clock=clock)
    await model.complete(HELLO)
    server.faults.append(fault)
    began = time.monotonic()
    completion = await model.complete(HELLO)
    await model.close()
    assert (completion.text, len(server.requests)) == ("one", 3)
    assert 0.5 <= time.monotonic() - began < 1.5


@pytest.mark.fault("F70")
async def test_faults_change_nothing_of_what_the_model_is_sent(server: ScriptedServer, model: LiteLLMModel) -> None:
    said = [*HELLO, Message(role="assistant", content="one"), Message(role="user", content="go on")]
    for conversation in (HELLO, said):
        server.faults.extend([status(500), RESET, CUT, HTML, NO_CHOICES, status(429)])
        await model.complete(conversation)
    first, second = server.requests[:7], server.requests[7:]
    for requests, conversation in ((first, HELLO), (second, said)):
        assert len(requests) == 7
        assert all(request.body == requests[0].body for request in requests)
        assert [turn["content"] for turn in requests[0].messages] == [turn.content for turn in conversation]


async def test_each_failed_attempt_is_told_before_its_wait(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock
) -> None:
    server.faults.extend([status(503, "overloaded"), status(429, headers={"Retry-After": "20"})])
    told: list[tuple[int, FailedAttempt]] = []
    await model.complete(HELLO, on_wait=lambda attempt: told.append((len(clock.slept), attempt)))
    assert [(waits, attempt.kind, attempt.request_id) for waits, attempt in told] == [
        (0, "ProviderUnavailable", "req-1"),
        (1, "ProviderRateLimited", "req-2"),
    ]
    assert [attempt.seconds for _, attempt in told] == clock.slept
    assert "overloaded" in told[0][1].error


async def test_what_a_provider_says_can_be_written(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.append(status(500, "half a \ud83d"))
    told: list[FailedAttempt] = []
    await model.complete(HELLO, on_wait=told.append)
    assert "half a \ufffd" in told[0].error


async def test_an_attempt_ends_at_the_deadline(server: ScriptedServer) -> None:
    model = LiteLLMModel("openai/gpt-5", api_base=server.url)
    await model.complete(HELLO)
    server.faults.append(hang(30))
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable, match=r"^openai/gpt-5: no answer within 0\.\d+ s$"):
        await model.complete(HELLO, asyncio.get_running_loop().time() + 0.5)
    await model.close()
    assert 0.4 <= time.monotonic() - began < 1.5


async def test_no_wait_goes_past_the_deadline(server: ScriptedServer, model: LiteLLMModel, clock: Clock) -> None:
    server.faults.extend([status(429, headers={"Retry-After": "20"})] * 10)
    with pytest.raises(ProviderRateLimited):
        await model.complete(HELLO, clock.now + 50)
    assert len(server.requests) == len(clock.slept) + 1 == 3
    assert clock.now < 1050


async def test_after_the_deadline_nothing_is_asked(server: ScriptedServer, model: LiteLLMModel, clock: Clock) -> None:
    for deadline in (clock.now, clock.now - 1):
        with pytest.raises(ProviderUnavailable, match="time was up"):
            await model.complete(HELLO, deadline)
    assert (server.requests, clock.slept) == ([], [])


@pytest.mark.fault("F18")
async def test_lone_surrogates_do_not_break_the_request(server: ScriptedServer, model: LiteLLMModel) -> None:
    await model.complete([Message.model_construct(role="user", content="\ud83d lone, \ud83d\ude00 paired, \udc80")])
    assert server.requests[0].messages[0]["content"] == "\ufffd lone, \U0001f600 paired, \ufffd"


async def test_many_calls_at_once_each_get_their_answer(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.extend([status(500), RESET, NO_CHOICES, EMPTY])
    texts = [completion.text for completion in await asyncio.gather(*(model.complete(HELLO) for _ in range(12)))]
    assert sorted(texts) == ["", *["one"] * 11]
    assert len(server.requests) == 15


async def test_a_closed_model_can_be_asked_again(model: LiteLLMModel) -> None:
    await model.complete(HELLO)
    await model.close()
    assert (await model.complete(HELLO)).text == "one"


async def test_closing_a_model_that_was_never_asked_is_nothing() -> None:
    await LiteLLMModel("openai/gpt-5").close()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


async def test_an_answer_on_its_way_is_not_lost_when_the_run_is_cancelled(
    model: LiteLLMModel, server: ScriptedServer
) -> None:
    server.faults.append(drip(0.002))
    heard = []

    async def ask() -> None:
        heard.append(await model.complete(HELLO))
        await asyncio.sleep(3600)

    asking = asyncio.create_task(ask())
    await until(lambda: server.requests)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [completion.text for completion in heard] == ["one"]


async def test_a_second_cancellation_waits_for_no_answer(model: LiteLLMModel, server: ScriptedServer) -> None:
    server.faults.append(hang(30))
    asking = asyncio.create_task(model.complete(HELLO))
    await until(lambda: server.requests)
    begun = time.monotonic()
    asking.cancel()
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert time.monotonic() - begun < 3
