"""What a model is: messages go in, a completion comes out, and what goes wrong has a name."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class FunctionCall(BaseModel):
    """A tool that the model calls natively, as OpenAI's chat completions carry it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it: it may be broken."""


class Message(BaseModel):
    """One turn of the conversation."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    reasoning: str | None = None
    """What the assistant thought, for providers that want it back."""
    echo: dict[str, Any] = Field(default_factory=dict)
    """Fields of the provider's own message that it wants back unchanged, such as thoughts that it signed."""
    calls: tuple[FunctionCall, ...] = ()
    """The tools that the assistant called."""
    call_id: str | None = None
    """The call that a tool's message answers."""


class Usage(BaseModel):
    """What one or several calls used; ``None`` is unknown, which is not 0."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int | None = None
    """Tokens sent, cached ones included."""
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of the prompt that were read from the provider's cache."""
    cache_creation_tokens: int | None = None
    """Those of the prompt that were written to it, where that has a price of its own."""
    cost_usd: float | None = None

    @property
    def tokens(self) -> int | None:
        """All that were sent and received."""
        sent, received = self.prompt_tokens, self.completion_tokens
        return None if sent is None or received is None else sent + received

    def __add__(self, other: Usage) -> Usage:
        """Add field by field; unknown plus anything is unknown."""
        return Usage(**{name: _plus(getattr(self, name), getattr(other, name)) for name in Usage.model_fields})


def _plus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


NOTHING_USED = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0, cache_creation_tokens=0, cost_usd=0.0)


class Shortfall(StrEnum):
    """What a reply lacks; a format that reads something in it all the same has the last word."""

    EMPTY = "empty"
    ONLY_CALLS = "only_calls"
    """It called tools and said nothing, which is no shortfall where tools were offered."""
    TRUNCATED = "truncated"
    """It was cut off at a limit on its length."""


class Completion(BaseModel):
    """A model's answer."""

    model_config = ConfigDict(frozen=True)

    text: str
    reasoning: str | None = None
    echo: dict[str, Any] = Field(default_factory=dict)
    """As in `Message`."""
    calls: tuple[FunctionCall, ...] = ()
    usage: Usage = Usage()
    """What this answer used, without the attempts that failed before it."""
    finish_reason: str | None = None
    """As the provider says it: ``stop``, ``length``, ``content_filter``, ..."""
    model: str | None = None
    """The model that answered, in the provider's words."""
    requested: str | None = None
    """The model that was asked."""
    request_id: str | None = None
    """The provider's name for this request."""
    dropped: tuple[str, ...] = ()
    """Parameters that were asked for and not sent, as this model does not take them."""
    prompt_token_ids: tuple[int, ...] | None = None
    completion_token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    """One for each token of the answer."""
    waited: float = 0.0
    """Seconds spent waiting for a provider that refused or failed before this answer."""
    context_limit: int | None = None
    """Tokens that this model reads at most, where that is known."""

    @property
    def shortfall(self) -> Shortfall | None:
        """What it lacks, if anything."""
        if self.finish_reason == "length":
            return Shortfall.TRUNCATED
        if self.text.strip():
            return None
        return Shortfall.ONLY_CALLS if self.calls else Shortfall.EMPTY

    def message(self) -> Message:
        """Make the turn of the conversation that it is."""
        return Message(role="assistant", content=self.text, reasoning=self.reasoning, echo=self.echo, calls=self.calls)


class FailedAttempt(BaseModel):
    """One attempt that brought no answer."""

    model_config = ConfigDict(frozen=True)

    kind: str
    """The class of its error."""
    error: str
    usage: Usage = NOTHING_USED
    """What it used all the same."""
    seconds: float = 0.0
    """Until the next attempt: its own and the wait after it."""
    request_id: str | None = None

    @classmethod
    def of(cls, error: ModelError, seconds: float = 0.0) -> Self:
        """Write down an error."""
        return cls(
            kind=type(error).__name__,
            error=str(error),
            usage=error.usage,
            seconds=seconds,
            request_id=error.request_id,
        )


class Model(Protocol):
    """The seam to a model backend."""

    name: str

    async def complete(
        self,
        messages: list[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        on_wait: Callable[[FailedAttempt], None] | None = None,
    ) -> Completion:
        """Answer the conversation.

        Args:
            messages: the whole conversation, oldest first.
            tools: what the model may call, as OpenAI's function definitions; without any, calls in the conversation
                are left out.
            on_wait: told each failed attempt that another will follow, before the wait for that begins, so that its
                usage is counted and its seconds are not charged to the agent's time.

        Raises:
            ModelError: or one of its kinds, after whatever retries this backend does.
        """
        ...


class ModelError(Exception):
    """The model gave no answer; the message is one line for a person."""

    usage: Usage = NOTHING_USED
    """What the last attempt used all the same; those before it were told to ``on_wait``."""
    request_id: str | None = None
    """The provider's name for the last request."""
    waited: float = 0.0
    """Seconds spent on it."""
    retry_after: float | None = None
    """Seconds that the provider asked to be left alone for; ``None`` when it did not say."""


class ProviderUnavailable(ModelError):  # noqa: N818 - named for what happened
    """Connection, time-out or server errors that outlasted the retries."""


class ProviderRateLimited(ModelError):  # noqa: N818 - named for what happened
    """The provider said "too many requests" until the retries ran out."""


class ProviderRejected(ModelError):  # noqa: N818 - named for what happened
    """Asking again would not help: no such model, a bad request."""


class ProviderDenied(ProviderRejected):
    """No request of this account is answered: no key, a wrong one, no more quota."""


class ContextLengthExceeded(ModelError):  # noqa: N818 - the field's term
    """The conversation is longer than the model reads."""


class ReplyRefused(ModelError):  # noqa: N818 - named for what happened
    """The provider or the model refused to answer: a content filter, a policy."""

    text: str = ""
    """What it said: the refusal, or the answer up to where the filter cut it."""
