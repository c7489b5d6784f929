"""What a sandbox without Docker makes of a task's environment: one system, from a Dockerfile, with one network.

What takes Docker is refused before anything is started.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox import compose_policy
from sandbox.base import Environment, UnsupportedImage
from sandbox.compose_policy import Build, words

if TYPE_CHECKING:
    from sandbox.compose_policy import Composition

_LIMITS = {
    "cpu_period", "cpu_quota", "cpu_shares", "cpus", "cpuset", "mem_limit", "mem_reservation", "mem_swappiness",
    "pids_limit", "shm_size", "ulimits",
}  # fmt: skip
_FOLLOWED = {"environment", "working_dir"}
_UNSEEN = {"expose", "init", "restart", "stdin_open", "stop_grace_period", "stop_signal", "tty"}
"""What nothing in a lone service can tell."""
_WAITS = re.compile(
    r"|(?:/bin/)?(?:ba)?sh|(?:(?:/bin/)?(?:ba)?sh -l?c )?(?:exec )?(?:sleep (?:infinity|\d+)|tail -f /dev/null)"
)
"""Commands that only keep a container up."""


class Followed(NamedTuple):
    """What is followed here."""

    environment: Environment
    """Without a compose file."""
    notes: list[str]
    """What of the task's is not honoured, one line each."""


def followed(environment: Environment) -> Followed:
    """Return what is followed of an environment.

    Raises:
        UnsupportedImage: it takes Docker.
    """
    networks = {environment.network, *environment.phases}
    if any(network.mode == "allowlist" for network in networks):
        raise _takes_docker("its network is open to listed hosts only")
    if len(networks) > 1:
        raise _takes_docker("its network changes from phase to phase")
    if environment.compose is not None:
        return _plain(environment, environment.compose.name, compose_policy.read(environment))
    if environment.context is None and environment.image is not None:
        raise _takes_docker(f"it names the image {environment.image}")
    return Followed(environment, [])


def _plain(environment: Environment, file: str, composition: Composition) -> Followed:
    """Return what a compose file comes to that has one plain service."""
    services, name = composition.document["services"], environment.service
    if len(services) > 1:
        raise _takes_docker(f"{file} has several services: {', '.join(sorted(services))}")
    if name in composition.images:
        raise _takes_docker(f"{file} names the image {composition.images[name]}")
    build, service, additions = composition.builds[name], services[name], composition.additions.get(name, ())
    if build != Build(build.context):
        raise _takes_docker(f"{file} has a services.{name}.build of more than a folder with a Dockerfile")
    unfollowed = [*_unfollowed(service), *("volumes" for addition in additions if addition.source)]
    if unfollowed:
        raise _takes_docker(f"{file} has services.{name}.{unfollowed[0]}")
    update = {
        "compose": None,
        "context": build.context,
        "env": {**service.get("environment", {}), **environment.env},
        "workdir": environment.workdir or service.get("working_dir"),
        "folders": tuple(dict.fromkeys((*environment.folders, *(addition.target for addition in additions)))),
    }
    limits = [f"{key} of {file} is not enforced" for key in sorted(_LIMITS & set(service))]
    return Followed(environment.model_copy(update=update), [*composition.notes, *limits])


def _unfollowed(service: dict[str, Any]) -> list[str]:
    waits = {"command"} if _WAITS.fullmatch(" ".join(words(service.get("command")))) else set()
    asked = {key for key, value in service.items() if value not in (None, [], {}, "", False)}
    return sorted(asked - _LIMITS - _FOLLOWED - _UNSEEN - waits)


def _takes_docker(reason: str) -> UnsupportedImage:
    return UnsupportedImage(f"this task needs Docker (--sandbox docker): {reason}")
