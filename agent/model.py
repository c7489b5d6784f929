"""What a model is: messages go in, a completion comes out, and what goes wrong has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable


class Message(BaseModel):
    """One turn of the conversation."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str


class Usage(BaseModel):
    """What one or several calls used; ``None`` is unknown, which is not 0."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int | None = None
    """Tokens sent, cached ones included."""
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Add field by field; unknown plus anything is unknown."""
        return Usage(**{name: _plus(getattr(self, name), getattr(other, name)) for name in Usage.model_fields})


def _plus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


NOTHING_USED = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0, cost_usd=0.0)


class Completion(BaseModel):
    """A model's answer."""

    model_config = ConfigDict(frozen=True)

    text: str
    reasoning: str | None = None
    usage: Usage = Usage()
    finish_reason: str | None = None
    """As the provider says it: ``stop``, ``length``, ``content_filter``, ..."""
    model: str | None = None
    """The model that answered, in the provider's words."""
    waited: float = 0.0
    """Seconds spent waiting for a provider that refused or failed before this answer."""


class Model(Protocol):
    """The seam to a model backend."""

    name: str

    async def complete(self, messages: list[Message], *, on_wait: Callable[[float], None] | None = None) -> Completion:
        """Answer the conversation.

        Args:
            messages: the whole conversation, oldest first.
            on_wait: told the seconds of each failed attempt and each wait for the next, before that wait begins, so
                that they are not charged to the agent's time.

        Raises:
            ModelError: or one of its kinds, after whatever retries this backend does.
        """
        ...


class ModelError(Exception):
    """The model gave no answer; the message is one line for a person."""

    usage: Usage = NOTHING_USED
    """What its attempts used all the same."""
    waited: float = 0.0
    """Seconds spent on it."""
    retry_after: float | None = None
    """Seconds that the provider asked to be left alone for; ``None`` when it did not say."""


class ProviderUnavailable(ModelError):  # noqa: N818 - named for what happened
    """Connection, time-out or server errors that outlasted the retries."""


class ProviderRateLimited(ModelError):  # noqa: N818 - named for what happened
    """The provider said "too many requests" until the retries ran out."""


class ProviderRejected(ModelError):  # noqa: N818 - named for what happened
    """Asking again would not help: a wrong key, no such model, a bad request, no more quota."""


class ContextLengthExceeded(ModelError):  # noqa: N818 - the field's term
    """The conversation is longer than the model reads."""


class ReplyRefused(ModelError):  # noqa: N818 - named for what happened
    """The provider or the model refused to answer: a content filter, a policy."""

    text: str = ""
    """What it said: the refusal, or the answer up to where the filter cut it."""
