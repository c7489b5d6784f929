"""Variables of this machine that a task asks into the sandbox where its agent works."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from evals.task import TEMPLATE, resolved
from sandbox.base import RefusedEnvironment
from sandbox.redaction import is_secret

if TYPE_CHECKING:
    from sandbox.base import Environment


class Given(NamedTuple):
    """What the sandbox gets."""

    env: dict[str, str]
    """With all values filled in."""
    notes: list[str]
    """Which variables of this machine are among them; one line, or none."""


def given(environment: Environment) -> Given:
    """Fill in an environment's variables, of which an agent can read each.

    Raises:
        RefusedEnvironment: one is a secret of this machine, and the task is not trusted.
        TaskError: one is not set.
    """
    where = "environment.env"
    templates = {name: TEMPLATE.fullmatch(value) for name, value in environment.env.items()}
    asked = {name: template[1] for name, template in templates.items() if template and os.environ.get(template[1])}
    for name, variable in asked.items():
        if is_secret(variable) and not environment.trust:
            raise RefusedEnvironment(
                f"{where}.{name} would give the agent this machine's {variable} (--trust-task allows it)"
            )
    names = ", ".join(sorted(set(asked.values())))
    return Given(resolved(environment.env, where), [f"the agent is given this machine's {names}"] if names else [])
