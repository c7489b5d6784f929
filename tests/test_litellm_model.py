from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from agent.litellm_model import LiteLLMModel
from agent.model import (
    NOTHING_USED,
    ContextLengthExceeded,
    Message,
    ModelError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ReplyRefused,
    Usage,
)
from tests.scripted_server import (
    CUT,
    CUT_JSON,
    EMPTY,
    ERROR_IN_200,
    FILTERED,
    HTML,
    NO_CHOICES,
    NO_USAGE,
    REFUSED,
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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEY = "sk-test-0123456789abcdef0123456789abcdef"
HELLO = [Message(role="user", content="hello")]


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.when: dict[float, Callable[[], object]] = {}
        """What happens once a time is reached."""

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        for due in [due for due in self.when if due <= self.now]:
            self.when.pop(due)()


@pytest.fixture(scope="session", autouse=True)
def _imported() -> None:
    """Pay for the import once, before any test's time counts."""
    asyncio.run(LiteLLMModel("openai/gpt-5").warm_up())


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(["one", "two"]) as running:
        yield running


@pytest.fixture
async def model(server: ScriptedServer, clock: Clock) -> AsyncIterator[LiteLLMModel]:
    made = LiteLLMModel("openai/gpt-5", api_base=server.url, sleep=clock.sleep, clock=clock)
    yield made
    await made.close()


def is_one_clear_line(error: ModelError, name: str = "openai/gpt-5") -> bool:
    line = str(error)
    noise = ("\n", "Traceback", "litellm.", "Exception -", KEY)
    return line.startswith(f"{name}: ") and len(line) < 500 and not any(part in line for part in noise)


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


async def test_retry_after_in_seconds_is_kept(server: ScriptedServer, model: LiteLLMModel, clock: Clock) -> None:
    server.faults.append(status(429, headers={"Retry-After": "20"}))
    await model.complete(HELLO)
    assert len(clock.slept) == 1
    assert 20 <= clock.slept[0] <= 21


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


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(status(429, "Rate limit reached"), ProviderRateLimited, id="429"),
        pytest.param(status(500, "oops"), ProviderUnavailable, id="500"),
        pytest.param(status(503, "overloaded"), ProviderUnavailable, id="503"),
        pytest.param(status(529, "overloaded"), ProviderUnavailable, id="529"),
        pytest.param(status(408, "slow"), ProviderUnavailable, id="408"),
        pytest.param(status(409, "conflict"), ProviderUnavailable, id="409"),
        pytest.param(RESET, ProviderUnavailable, id="reset"),
        pytest.param(CUT, ProviderUnavailable, id="cut body"),
        pytest.param(HTML, ProviderUnavailable, id="html"),
        pytest.param(HTML._replace(status=502), ProviderUnavailable, id="html with 502"),
        pytest.param(CUT_JSON, ProviderUnavailable, id="cut json"),
        pytest.param(json_body([1]), ProviderUnavailable, id="a list"),
        pytest.param(json_body(None), ProviderUnavailable, id="null"),
        pytest.param(NO_CHOICES, ProviderUnavailable, id="no choices"),
        pytest.param(Fault(changes={"choices": None}), ProviderUnavailable, id="choices gone"),
        pytest.param(ERROR_IN_200, ProviderUnavailable, id="error in 200"),
    ],
)
class TestFailuresThatMayPass:
    async def test_they_are_retried_until_an_answer_comes(
        self, server: ScriptedServer, model: LiteLLMModel, clock: Clock, fault: Fault, kind: type[ModelError]
    ) -> None:
        server.faults.extend([fault] * 10)
        completion = await model.complete(HELLO)
        assert (completion.text, len(server.requests), len(clock.slept)) == ("one", 11, 10), kind
        assert completion.waited == pytest.approx(sum(clock.slept))

    async def test_they_have_a_name_when_the_budget_ends(
        self, server: ScriptedServer, model: LiteLLMModel, clock: Clock, fault: Fault, kind: type[ModelError]
    ) -> None:
        server.faults.extend([fault] * 1000)
        with pytest.raises(kind) as caught:
            await model.complete(HELLO)
        assert type(caught.value) is kind
        assert is_one_clear_line(caught.value)
        assert f"gave up after {len(server.requests)} attempts in" in str(caught.value)
        assert ("status" in str(caught.value)) is (fault.status >= 500 or fault.status in (408, 409))
        assert caught.value.waited == pytest.approx(sum(clock.slept))
        assert 500 < sum(clock.slept) <= 600


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(400, "Unsupported value: 'temperature'", type="invalid_request_error"), "status 400: Unsupported"),
        (status(401, f"Incorrect API key provided: {KEY}"), "the key is refused: Incorrect API key"),
        (status(402, "Insufficient credits"), "no more quota"),
        (status(403, "Country not supported"), "status 403: Country"),
        (status(404, "The model `x` does not exist", code="model_not_found"), "status 404"),
        (status(404, "nothing here"), "status 404: nothing here"),
        (status(422, "bad field"), "status 422: bad field"),
        (status(429, "You exceeded your current quota.", code="insufficient_quota"), "no more quota"),
        (status(400, "Your credit balance is too low to access the API"), "no more quota"),
        (status(400, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens"), "400"),
        (status(400, "Invalid 'user': string too long. Expected a string with maximum length 64"), "400"),
        (status(400, "x is not a valid model ID"), "no such model"),
    ],
    ids=lambda value: value.status if isinstance(value, Fault) else "",
)
async def test_what_asking_again_does_not_mend_is_asked_once(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock, fault: Fault, words: str
) -> None:
    server.faults.extend([fault] * 3)
    with pytest.raises(ProviderRejected) as caught:
        await model.complete(HELLO)
    assert (len(server.requests), clock.slept) == (1, [])
    assert words in str(caught.value)
    assert is_one_clear_line(caught.value)


OVERFLOWS = {
    "OpenAI": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "OpenAI, newer": "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "OpenAI, limit": "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000.",
    "OpenAI, one message": "Invalid 'messages[1].content': string too long. Expected a string with maximum length "
    "10485760, but got a string with length 10485761 instead.",
    "Anthropic": "prompt is too long: 208310 tokens > 200000 maximum",
    "Anthropic, both": "input length and `max_tokens` exceed context limit: 199999 + 8192 > 200000",
    "Gemini": "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
    "vLLM": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "SGLang": "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "llama.cpp": "the request exceeds the available context size. try increasing the context size",
    "Mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Cohere": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4097.",
    "Bedrock": "Input is too long for requested model.",
    "Titan": "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9000",
    "OpenRouter": "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens",
    "TGI": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    "Groq": "Please reduce the length of the messages or completion.",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Fireworks": "The prompt is too long: 140000, model maximum context length: 131071",
    "Cerebras": "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    "Moonshot": "Invalid request: Your request exceeded model token limit: 8192",
    "Zhipu": "Prompt exceeds max length",
    "MiniMax": "invalid params, context window exceeds limit (2013)",
    "Qwen": "Range of input length should be [1, 30720]",
    "LM Studio": "The number of tokens to keep from the initial prompt is greater than the context length.",
    "GitHub": "Request body too large for gpt-4o model. Max size: 8000 tokens.",
}


@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(status(400, words), id=provider) for provider, words in OVERFLOWS.items()),
        pytest.param(status(400, "no", code="context_length_exceeded", type="invalid_request_error"), id="the code"),
        pytest.param(status(500, OVERFLOWS["llama.cpp"], type="exceed_context_size_error"), id="with 500"),
        pytest.param(status(413, "Request Entity Too Large"), id="413"),
        pytest.param(Fault(status=413, body=b"<html>413</html>", content_type="text/html"), id="413 in html"),
        pytest.param(json_body({"error": {"message": OVERFLOWS["OpenRouter"], "code": 400}}), id="in 200"),
        pytest.param(
            status(429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 36000."), id="TPM"
        ),
    ],
)
async def test_a_conversation_that_is_too_long_has_its_own_name(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock, fault: Fault
) -> None:
    server.faults.extend([fault] * 3)
    with pytest.raises(ContextLengthExceeded) as caught:
        await model.complete(HELLO)
    assert (len(server.requests), clock.slept) == (1, [])
    assert is_one_clear_line(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
        "Too many tokens, please wait before trying again.",
        "Too many requests in this context, please slow down.",
    ],
)
async def test_a_rate_limit_that_speaks_of_tokens_is_no_overflow(
    server: ScriptedServer, model: LiteLLMModel, words: str
) -> None:
    server.faults.append(status(429, words))
    assert (await model.complete(HELLO)).text == "one"


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (FILTERED, "I was about to"),
        (REFUSED, "I cannot help with that."),
        (choice("half", refusal="No."), "No."),
        (
            status(400, "Your request was rejected as a result of our safety system.", code="content_policy_violation"),
            "Your request was rejected as a result of our safety system.",
        ),
        (status(400, "Invalid prompt: flagged as violating our usage policy."), None),
    ],
)
async def test_a_refusal_keeps_its_text(
    server: ScriptedServer, model: LiteLLMModel, fault: Fault, text: str | None
) -> None:
    server.faults.extend([fault] * 2)
    with pytest.raises(ReplyRefused) as caught:
        await model.complete(HELLO)
    assert len(server.requests) == 1
    assert is_one_clear_line(caught.value)
    assert text is None or caught.value.text == text


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
async def test_usage_that_is_not_said_is_unknown(
    server: ScriptedServer, model: LiteLLMModel, usage: dict[str, Any] | None
) -> None:
    server.faults.append(NO_USAGE._replace(changes={"usage": usage}))
    assert (await model.complete(HELLO)).usage == Usage()


async def test_usage_that_is_half_said_is_half_known(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.append(Fault(changes={"usage": {"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 79}}))
    usage = (await model.complete(HELLO)).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (70, 9, None)


async def test_a_model_without_a_price_has_no_cost(server: ScriptedServer, clock: Clock) -> None:
    model = LiteLLMModel("openai/our-own-model", api_base=server.url, sleep=clock.sleep, clock=clock)
    usage = (await model.complete(HELLO)).usage
    await model.close()
    assert (usage.prompt_tokens, usage.cost_usd) == (8, None)


async def test_usage_of_failed_attempts_is_counted(server: ScriptedServer, model: LiteLLMModel) -> None:
    failed = json_body({"error": {"message": "upstream", "code": 502}, "usage": {"prompt_tokens": 50}})
    unsaid = NO_CHOICES._replace(changes={"choices": [], "usage": None})
    server.faults.extend([NO_CHOICES, NO_CHOICES, status(500), unsaid])
    usage = (await model.complete(HELLO)).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (3 * 8, 3)
    assert usage.cost_usd == pytest.approx(3 * (8 * 1.25e-6 + 1e-5))
    server.faults.append(failed)
    usage = (await model.complete(HELLO)).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd) == (58, None, None)


async def test_a_failure_says_what_was_used(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.extend([NO_CHOICES, status(401)])
    with pytest.raises(ProviderRejected) as caught:
        await model.complete(HELLO)
    assert caught.value.usage.prompt_tokens == 8
    server.faults.append(status(401))
    with pytest.raises(ProviderRejected) as caught:
        await model.complete(HELLO)
    assert caught.value.usage == NOTHING_USED


async def test_a_refused_connection_is_tried_until_the_server_is_up(clock: Clock) -> None:
    server = ScriptedServer(["one"], port=free_port())
    model = LiteLLMModel("openai/gpt-5", api_base=f"http://127.0.0.1:{server.port}/v1", sleep=clock.sleep, clock=clock)
    clock.when[1060.0] = server.__enter__
    completion = await model.complete(HELLO)
    await model.close()
    server.__exit__()
    assert (completion.text, len(server.requests)) == ("one", 1)
    assert completion.waited >= 60


@pytest.mark.parametrize("fault", [hang(30), drip(0.05)])
async def test_an_attempt_ends_at_its_own_time(server: ScriptedServer, clock: Clock, fault: Fault) -> None:
    model = LiteLLMModel("openai/gpt-5", api_base=server.url, attempt_timeout=0.5, sleep=clock.sleep, clock=clock)
    await model.complete(HELLO)
    server.faults.append(fault)
    began = time.monotonic()
    completion = await model.complete(HELLO)
    await model.close()
    assert (completion.text, len(server.requests)) == ("one", 3)
    assert 0.5 <= time.monotonic() - began < 1.5


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


async def test_lone_surrogates_do_not_break_the_request(server: ScriptedServer, model: LiteLLMModel) -> None:
    await model.complete([Message.model_construct(role="user", content="\ud83d lone, \ud83d\ude00 paired, \udc80")])
    assert server.requests[0].messages[0]["content"] == "\ufffd lone, \U0001f600 paired, \ufffd"


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("openai/gpt-5", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-pro", "GEMINI_API_KEY"),
        ("azure/ours", "AZURE_API_KEY"),
    ],
)
async def test_a_missing_key_names_its_variable(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, name: str, missing: str
) -> None:
    for variable in [variable for variable in os.environ if variable.endswith("_KEY")]:
        monkeypatch.delenv(variable)
    model = LiteLLMModel(name, sleep=clock.sleep, clock=clock)
    with pytest.raises(ProviderRejected, match=rf"no API key.*{missing}") as caught:
        await model.complete(HELLO)
    await model.close()
    assert clock.slept == []
    assert is_one_clear_line(caught.value, name)


@pytest.mark.parametrize("name", ["nonsense", "nobody/nothing", "", "openai/"])
async def test_a_model_of_no_provider_is_told_at_once(clock: Clock, server: ScriptedServer, name: str) -> None:
    model = LiteLLMModel(name, api_base=server.url if name else None, sleep=clock.sleep, clock=clock)
    server.faults.append(status(404, "The model `` does not exist"))
    with pytest.raises(ProviderRejected) as caught:
        await model.complete(HELLO)
    await model.close()
    assert clock.slept == []
    assert is_one_clear_line(caught.value, name)


async def test_a_key_in_a_providers_message_is_not_repeated(server: ScriptedServer, model: LiteLLMModel) -> None:
    server.faults.append(status(400, f"bad header 'Bearer {KEY}' and sk-proj-abcdefghijklmnop"))
    with pytest.raises(ProviderRejected, match=r"bad header 'Bearer \[OPENAI_API_KEY\]' and \[key\]"):
        await model.complete(HELLO)


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
