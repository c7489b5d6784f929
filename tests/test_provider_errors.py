"""What each failure of a provider is called, and whether it is asked again: pytest tests/test_provider_errors.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agent.litellm_model import LiteLLMModel
from agent.model import (
    ContextLengthExceeded,
    ModelError,
    ProviderDenied,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
    ReplyRefused,
)
from tests.fakes import HELLO, KEY, Clock, is_one_clear_line
from tests.scripted_server import (
    CUT,
    CUT_JSON,
    ERROR_IN_200,
    FILTERED,
    HTML,
    NO_CHOICES,
    REFUSED,
    RESET,
    Fault,
    ScriptedServer,
    choice,
    json_body,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("litellm_imported", "keys")


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
    @pytest.mark.fault("F03", "F04", "F10")
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
@pytest.mark.fault("F07", "F08")
async def test_what_asking_again_does_not_mend_is_asked_once(
    server: ScriptedServer, model: LiteLLMModel, clock: Clock, fault: Fault, words: str
) -> None:
    server.faults.extend([fault] * 3)
    with pytest.raises(ProviderRejected) as caught:
        await model.complete(HELLO)
    assert (len(server.requests), clock.slept) == (1, [])
    assert words in str(caught.value)
    assert is_one_clear_line(caught.value)


@pytest.mark.parametrize("name", ["anthropic/claude-sonnet-4-5", "deepseek/deepseek-chat", "openrouter/x/y"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        *((fault, None) for fault in (status(429), status(500), status(529), RESET, CUT, HTML, CUT_JSON, ERROR_IN_200)),
        (json_body(None), None),
        (json_body([1]), None),
        (json_body({}), None),
        (status(401), ProviderDenied),
        (status(429, "no", code="insufficient_quota"), ProviderDenied),
        (status(400, "Your credit balance is too low to access the API"), ProviderDenied),
        (status(400), ProviderRejected),
        (status(403), ProviderRejected),
        (status(404), ProviderRejected),
        (status(413), ContextLengthExceeded),
        (status(400, "no", type="request_too_large"), ContextLengthExceeded),
        (status(400, "prompt is too long: 208310 tokens > 200000 maximum"), ContextLengthExceeded),
    ],
)
async def test_a_failure_is_the_same_by_litellms_other_ways(
    server: ScriptedServer, ask: Callable[..., LiteLLMModel], name: str, fault: Fault, kind: type[ModelError] | None
) -> None:
    """It calls OpenAI through its SDK, and the others by itself."""
    server.faults.append(fault)
    if kind is None:
        assert (await ask(name).complete(HELLO)).text == "one"
        assert len(server.requests) == 2
        return
    with pytest.raises(ModelError) as caught:
        await ask(name).complete(HELLO)
    assert (type(caught.value), len(server.requests)) == (kind, 1)
    assert is_one_clear_line(caught.value, name)


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
@pytest.mark.fault("F09")
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
@pytest.mark.fault("F12")
async def test_a_refusal_keeps_its_text(
    server: ScriptedServer, model: LiteLLMModel, fault: Fault, text: str | None
) -> None:
    server.faults.extend([fault] * 2)
    with pytest.raises(ReplyRefused) as caught:
        await model.complete(HELLO)
    assert len(server.requests) == 1
    assert is_one_clear_line(caught.value)
    assert text is None or caught.value.text == text


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
