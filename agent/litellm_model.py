"""Any model that litellm can call, with one owner of the retries and errors that say in a line what to do."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

from agent.model import NOTHING_USED, Completion, Message, ModelError, ProviderUnavailable, Usage
from agent.model_call import ModelCall
from agent.provider_errors import classified
from agent.provider_reply import Heard, read, tokens
from agent.provider_request import Dialect, dialect, dropped, sendable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import ModuleType

    from agent.model import FailedAttempt


class LiteLLMModel:
    """One model by its litellm name. Keys come from the environment, as litellm's page of the provider says."""

    def __init__(  # noqa: PLR0913 - all but the name have defaults
        self,
        name: str,
        *,
        api_base: str | None = None,
        temperature: float | None = None,
        reasoning_effort: str | None = None,
        thinking_budget: int | None = None,
        token_ids: bool = False,
        context_limit: int | None = None,
        attempt_timeout: float = 600.0,
        retry_budget: float = 600.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Prepare to ask a model; nothing is imported or connected yet.

        What is ``None`` is not sent, and what a model does not take is left out and named in each completion.

        Args:
            name: such as ``openai/gpt-5`` or ``anthropic/claude-sonnet-4-5``.
            api_base: address of the server, where it is not the provider's own.
            temperature: how much chance there is in the answer.
            reasoning_effort: how long to think, in the provider's words: ``low``, ``medium``, ``high``, ...
            thinking_budget: tokens to think for at most, for providers that count them.
            token_ids: ask for the tokens' ids and log probabilities; vLLM gives both.
            context_limit: tokens that it reads at most, where litellm does not know it.
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
        self._context_limit = context_limit
        self._address = {"api_base": api_base} if api_base else {}
        self._extra_body = {"extra_body": {"return_token_ids": True}} if token_ids else {}
        thinking = None if thinking_budget is None else {"type": "enabled", "budget_tokens": thinking_budget}
        options = {
            "temperature": temperature,
            "reasoning_effort": reasoning_effort,
            "thinking": thinking,
            "logprobs": token_ids or None,
        }
        self._options: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        self._left_out: dict[tuple[str, ...], tuple[str, ...]] = {}

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
        tools: Sequence[dict[str, Any]] = (),
        on_wait: Callable[[FailedAttempt], None] | None = None,
    ) -> Completion:
        """Ask, and ask again while that may help; see `agent.model.Model`.

        Nothing is begun after `deadline`, in the clock's time; ``None`` is no deadline.
        """
        await self._import_within(deadline)
        options = {**self._options, "tools": list(tools)} if tools else self._options
        request = {"messages": sendable(messages, self._dialect, with_tools=bool(tools)), **options}
        if tools:
            request["_skip_mcp_handler"] = True  # else litellm looks for MCP servers, which takes a package of its own
        completion = await ModelCall(self, deadline, on_wait).answer(lambda limit: self._ask(request, limit))
        return completion.model_copy(update={"dropped": self._dropped(options), "context_limit": self._reads})

    async def _ask(self, request: dict[str, Any], limit: float) -> Completion:
        """Ask once, for at most `limit` seconds."""
        litellm = _litellm()
        heard = Heard()
        try:
            async with asyncio.timeout(limit):
                response = await litellm.acompletion(
                    model=self.name,
                    drop_params=True,
                    num_retries=0,
                    max_retries=0,
                    timeout=limit + 1,  # ours comes first
                    logger_fn=heard.note,
                    **self._address,
                    **self._extra_body,
                    **request,
                )
        except TimeoutError as error:
            raise ProviderUnavailable(f"{self.name}: no answer within {limit:g} s") from error
        except litellm.exceptions.openai.OpenAIError as error:
            response = heard.response(litellm)  # paid for, even when litellm stumbled over it
            if response is None:
                raise self._classified(error, heard) from error
        return read(response, heard, self.name, self._usage(response, heard))

    async def _import_within(self, deadline: float | None) -> None:
        limit = None if deadline is None else deadline - self.clock()
        try:
            async with asyncio.timeout(limit):
                await self.warm_up()
        except TimeoutError as error:
            raise ProviderUnavailable(f"{self.name}: the time was up before it could be asked") from error

    @functools.cached_property
    def _reads(self) -> int | None:
        if self._context_limit is not None:
            return self._context_limit
        try:
            return _litellm().get_model_info(self.name).get("max_input_tokens") or None
        except Exception:  # noqa: BLE001 - litellm raises a bare Exception for a model it does not know
            return None

    @functools.cached_property
    def _dialect(self) -> Dialect:
        return dialect(_litellm(), self.name)

    def _dropped(self, options: dict[str, Any]) -> tuple[str, ...]:
        asked = tuple(options)
        if asked not in self._left_out:
            self._left_out[asked] = dropped(_litellm(), self.name, options)
        return self._left_out[asked]

    def _usage(self, response: Any, heard: Heard) -> Usage:  # noqa: ANN401 - litellm's types are loose
        said = getattr(response, "usage", None)
        usage = heard.usage if heard.openai_shaped or said is None else tokens(said.model_dump())
        # litellm writes 0 where a provider said nothing, and no prompt has 0 tokens.
        return Usage() if not usage.prompt_tokens else usage.model_copy(update={"cost_usd": self._cost(response)})

    def _cost(self, response: Any) -> float | None:  # noqa: ANN401 - litellm's types are loose
        try:
            return float(_litellm().completion_cost(completion_response=response, model=self.name))
        except Exception:  # noqa: BLE001 - litellm raises a bare Exception for a model without a price
            return None

    def _classified(self, error: Exception, heard: Heard) -> ModelError:
        named = classified(self.name, error, self._key_advice)
        named.usage = heard.usage if heard.usage.prompt_tokens else NOTHING_USED
        return named

    def _key_advice(self) -> str:
        missing = _litellm().validate_environment(self.name)["missing_keys"]
        return f"no API key; not set in the environment: {', '.join(missing)}: " if missing else "the key is refused: "


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
