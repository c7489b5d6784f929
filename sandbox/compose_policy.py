"""What a task's compose file may ask for, and the file that is run in its place.

What is not known to stay within the containers is refused: privileges, this machine's files, variables, network and
processes. A file or folder of the task that is to be mounted is copied instead, so that nothing inside can change it.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox import compose_file
from sandbox.base import RefusedEnvironment
from sandbox.compose_variables import DROPPED, HostVariables, variables
from sandbox.limits import PIDS, bounded, disk_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.base import Environment

_AS_IT_IS = {
    "cap_drop", "cpu_period", "cpu_quota", "cpu_shares", "cpus", "cpuset", "depends_on", "dns", "dns_opt",
    "dns_search", "domainname", "entrypoint", "expose", "extra_hosts", "group_add", "healthcheck", "hostname", "init",
    "links", "mem_limit", "mem_reservation", "mem_swappiness", "platform", "read_only", "restart", "shm_size",
    "stdin_open", "stop_grace_period", "stop_signal", "tmpfs", "tty", "user", "working_dir", "secrets", "configs",
}  # fmt: skip
_LEFT_OUT = {
    "annotations", "attach", "blkio_config", "build", "container_name", "deploy", "develop", "image", "labels",
    "logging", "memswap_limit", "oom_score_adj", "profiles", "pull_policy",
}  # fmt: skip
_OF_ANOTHER_SHAPE = (TypeError, ValueError, AttributeError, OSError, RuntimeError)
"""What reading a value raises that is none of its kind, or a path that leads nowhere."""
_PRIORITIES = ("nice", "rtprio")
"""Limits of what a process may take from all others of this machine."""
_OF_A_BUILD = {"args", "context", "dockerfile", "target"}
_LEFT_OUT_OF_A_BUILD = {"cache_from", "cache_to", "labels", "no_cache", "platforms", "pull", "shm_size", "tags"}
_IDLE = ["sh", "-c", "sleep infinity"]


class Build(NamedTuple):
    """What a service's image is built from."""

    context: Path
    dockerfile: str = "Dockerfile"
    args: tuple[tuple[str, str], ...] = ()
    target: str | None = None


class Addition(NamedTuple):
    """What is put into a service's container before it starts."""

    source: Path | None
    """A file or folder of the task; ``None`` makes an empty folder."""
    target: str


class Composition(NamedTuple):
    """A compose file as it is run, but for its images."""

    document: dict[str, Any]
    builds: dict[str, Build]
    """By service."""
    images: dict[str, str]
    """By service: those that are not built."""
    additions: dict[str, tuple[Addition, ...]]
    """By service."""
    notes: tuple[str, ...]
    """What was left out, one line each."""


def read(environment: Environment) -> Composition:
    """Read, check and rewrite the compose file of an environment.

    Raises:
        RefusedEnvironment: it asks for what is not given; the message names the service and the key.
    """
    path = environment.compose
    if path is None:
        raise RefusedEnvironment("no compose file")
    folder = path.parent.resolve()
    host = HostVariables()
    known = {**variables(environment, folder), **environment.variables}
    document = compose_file.load(path, known, unset=host.get if environment.trust else None)
    try:
        return _Policy(document, environment, folder, host).composition()
    except KeyError as error:
        raise RefusedEnvironment(f"{path.name}: {error} is missing") from error
    except _OF_ANOTHER_SHAPE as error:
        raise RefusedEnvironment(f"{path.name}: {error}") from error


class _Policy:
    """One file on its way."""

    def __init__(self, document: dict[str, Any], environment: Environment, folder: Path, host: HostVariables) -> None:
        self._document = document
        self._environment = environment
        self._folder = folder
        self._file = environment.compose.name if environment.compose else ""
        self._variables = environment.variables
        self._host = host
        self._builds: dict[str, Build] = {}
        self._images: dict[str, str] = {}
        self._additions: dict[str, list[Addition]] = {}
        self._notes: list[str] = []

    def composition(self) -> Composition:
        services = _mapping(self._document.pop("services", {}), "services")
        services.setdefault(self._environment.service, {})
        rewritten = {}
        for name, service in services.items():
            given = _mapping(service, name)
            if given.get("profiles"):
                self._notes.append(f"service {name} belongs to a profile and is not started")
            else:
                rewritten[name] = self._service(name, given)
        top: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "networks": self._network, "volumes": self._volume, "secrets": self._secret, "configs": self._secret,
        }  # fmt: skip
        result: dict[str, Any] = {"services": rewritten}
        for key, value in self._document.items():
            if key in top:
                result[key] = {name: top[key](f"{key}.{name}", _mapping(it, name)) for name, it in value.items()}
            elif key not in ("version", "name") and not key.startswith("x-"):
                self._refuse(f"{key} is not given")
                result[key] = value
        if self._host.given:
            self._notes.append(f"{self._file} is given this machine's {', '.join(sorted(self._host.given))}")
        additions = {name: tuple(added) for name, added in self._additions.items()}
        return Composition(result, self._builds, self._images, additions, tuple(self._notes))

    def _refuse(self, reason: str) -> None:
        """Refuse the file, unless it is trusted."""
        if not self._environment.trust:
            raise RefusedEnvironment(f"{self._file}: {reason} (--trust-task allows it)")

    def _service(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        self._image(name, given)
        checked: dict[str, Callable[[str, Any], Any]] = {
            "environment": self._env, "env_file": self._env_files, "volumes": self._mounts, "networks": self._joined,
            "network_mode": self._shared, "pid": self._shared, "ipc": self._shared, "security_opt": self._security,
            "ports": self._ports, "scale": self._scale, "pids_limit": self._pids, "ulimits": self._ulimits,
            "command": self._command,
        }  # fmt: skip
        result: dict[str, Any] = {}
        for key, value in given.items():
            where = f"services.{name}.{key}"
            if key in _AS_IT_IS:
                result[key] = value
            elif key in checked:
                found = checked[key](where, value)
                result |= {} if found is None else {key: found}
            elif key not in _LEFT_OUT and not key.startswith("x-") and value not in (None, [], {}, False):
                self._refuse(f"{where} is not given")
                result[key] = value
        result |= self._limits(name, _mapping(given.get("deploy"), name), result)
        return result

    def _image(self, name: str, given: dict[str, Any]) -> None:
        build, image = given.get("build"), given.get("image")
        is_main = name == self._environment.service
        if is_main and build is None and image is None:
            image = self._environment.image
            build = str(self._environment.context or self._folder) if image is None else None
            given.setdefault("command", _IDLE)
        if build is not None:
            self._builds[name] = self._build(f"services.{name}.build", build)
        elif image:
            self._images[name] = str(image)
        else:
            raise ValueError(f"services.{name} has neither an image nor a build")

    def _build(self, where: str, given: Any) -> Build:  # noqa: ANN401 - as YAML has it
        asked = {"context": given} if isinstance(given, str) else _mapping(given, where)
        for key, value in asked.items():
            harmless = key in _OF_A_BUILD | _LEFT_OUT_OF_A_BUILD or (key == "network" and value in ("none", "default"))
            if not harmless and not key.startswith("x-"):
                self._refuse(f"{where}.{key} is not given")
        context = self._within(f"{where}.context", str(asked.get("context", ".")))
        dockerfile = str(asked.get("dockerfile") or "Dockerfile")
        self._within(f"{where}.dockerfile", str(context / dockerfile), context)
        args = self._env(f"{where}.args", asked.get("args") or {})
        return Build(context, os.path.normpath(dockerfile), tuple(sorted(args.items())), asked.get("target"))

    def _within(self, where: str, path: str, folder: Path | None = None) -> Path:
        """Return a path of the task's; one that is not below its folder is refused."""
        if "://" in path or path.startswith("git@"):
            self._refuse(f"{where}: {path} is not a folder of the task")
        found = (self._folder / Path(path).expanduser()).resolve()
        if not found.is_relative_to((folder or self._folder).resolve()):
            self._refuse(f"{where}: {path} is outside the task's folder")
        return found

    def _env(self, where: str, given: Any) -> dict[str, str]:  # noqa: ANN401 - as YAML has it
        pairs = given if isinstance(given, dict) else dict(_pair(item) for item in given)
        result = {}
        for name, value in pairs.items():
            if value is None and name not in self._variables:
                self._refuse(f"{where}.{name} would be taken from this machine's environment")
            known = value
            if value is None:
                known = self._variables[name] if name in self._variables else self._host.get(name) or ""
            result[str(name)] = str(known).lower() if isinstance(known, bool) else str(known)
        return result

    def _env_files(self, where: str, given: Any) -> list[str]:  # noqa: ANN401 - as YAML has it
        paths = [given] if isinstance(given, str | dict) else given
        return [str(self._within(where, it["path"] if isinstance(it, dict) else it)) for it in paths]

    def _ports(self, where: str, _: Any) -> None:  # noqa: ANN401 - as YAML has it
        self._notes.append(f"{where} are not published on this machine")

    def _scale(self, where: str, given: Any) -> None:  # noqa: ANN401 - as YAML has it
        if given != 1:
            raise ValueError(f"{where}: one container of each service is all there is")

    def _security(self, where: str, given: list[str]) -> list[str]:
        for option in given:
            if not option.startswith("no-new-privileges"):
                self._refuse(f"{where}: {option} is not given")
        return given

    def _shared(self, where: str, given: str) -> str | None:
        """Check whose network, processes or memory a service has."""
        if given in ("bridge", "private", "default"):
            return None
        if not given.startswith("service:") and given not in ("none", "shareable"):
            self._refuse(f"{where}: {given} is not given")
        return given

    def _command(self, _: str, given: Any) -> Any:  # noqa: ANN401 - as YAML has it
        words(given)  # which refuses what is none
        return given

    def _pids(self, _: str, given: Any) -> int | None:  # noqa: ANN401 - as YAML has it
        return given if given is None or self._environment.trust else bounded(given, PIDS)

    def _ulimits(self, where: str, given: Any) -> dict[str, Any]:  # noqa: ANN401 - as YAML has it
        """Return limits of a process, of which that of the size of files is no more than any container's."""
        limits = _mapping(given, where)
        for name in set(limits) & set(_PRIORITIES):
            self._refuse(f"{where}.{name} is not given")
        if "fsize" in limits and not self._environment.trust:
            asked = limits["fsize"]
            values = asked.values() if isinstance(asked, dict) else [asked]
            limits["fsize"] = min(bounded(value, disk_limit(self._environment)) for value in values)
        return limits

    def _joined(self, _: str, given: Any) -> dict[str, Any]:  # noqa: ANN401 - as YAML has it
        joined = given if isinstance(given, dict) else dict.fromkeys(given)
        kept = ("aliases", "ipv4_address")
        return {name: {key: value for key, value in (it or {}).items() if key in kept} for name, it in joined.items()}

    def _mounts(self, where: str, given: list[Any]) -> list[Any]:
        mounts = [self._mount(where, it) for it in given]
        return [it for it in mounts if it is not None]

    def _mount(self, where: str, given: Any) -> Any:  # noqa: ANN401 - as YAML has it
        """Return a volume as it is; a file of the task's becomes an addition, and anything else is refused."""
        if isinstance(given, str):
            source, colon, rest = given.partition(":")
            if not colon or source[:1] not in "/.~":
                return given
            target = rest.partition(":")[0]
        else:
            asked = _mapping(given, where)
            if asked.get("type") in ("volume", "tmpfs"):
                return {key: value for key, value in asked.items() if key in ("type", "source", "target", "read_only")}
            if asked.get("type") != "bind":
                self._refuse(f"{where}: {asked.get('type')} is not given")
                return given
            source, target = str(asked["source"]), str(asked["target"])
        if source.startswith(DROPPED):
            self._add(where, None, target)
            return None
        path = self._within(where, source)
        if path.is_relative_to(self._folder):
            self._add(where, path if path.exists() else None, target)
            return None
        return given

    def _add(self, where: str, source: Path | None, target: str) -> None:
        self._additions.setdefault(where.split(".")[1], []).append(Addition(source, target))

    def _network(self, where: str, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("external") or given.get("driver") not in (None, "bridge", "default"):
            self._refuse(f"{where}: only a network of the sandbox's own is given")
            return given
        if given.get("driver_opts"):
            self._refuse(f"{where}.driver_opts are not given")
        return {key: value for key, value in given.items() if key in ("ipam", "internal", "driver_opts")}

    def _volume(self, where: str, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("external") or given.get("driver") not in (None, "local") or given.get("driver_opts"):
            self._refuse(f"{where}: only a volume of the sandbox's own is given")
            return given
        return {}

    def _secret(self, where: str, given: dict[str, Any]) -> dict[str, Any]:
        if set(given) - {"file", "name"}:
            self._refuse(f"{where}: only a file of the task is given")
            return given
        return {"file": str(self._within(where, str(given.get("file"))))}

    def _limits(self, name: str, deploy: dict[str, Any], service: dict[str, Any]) -> dict[str, Any]:
        """Return a service's limits, where it names none itself: what it would be deployed with, and the task's own."""
        resources = _mapping(deploy.get("resources"), name)
        if _mapping(resources.get("reservations"), name).get("devices"):
            self._refuse(f"services.{name}.deploy.resources.reservations.devices are not given")
        if deploy.get("replicas", 1) != 1:
            raise ValueError(f"services.{name}.deploy.replicas: one container of each service is all there is")
        limits = _mapping(resources.get("limits"), name)
        found = {"mem_limit": limits.get("memory"), "cpus": limits.get("cpus")}
        found["pids_limit"] = self._pids(name, limits.get("pids"))
        if name == self._environment.service:
            found["mem_limit"] = found["mem_limit"] or (
                self._environment.memory_mb and f"{self._environment.memory_mb}m"
            )
            found["cpus"] = found["cpus"] or self._environment.cpus
        return {key: value for key, value in found.items() if value is not None and key not in service}


def words(given: Any) -> list[str]:  # noqa: ANN401 - as YAML has it
    """Return the words of a command, which may be a list or as in a shell."""
    return shlex.split(given) if isinstance(given, str) else [str(word) for word in given or ()]


def _mapping(given: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - as YAML has it
    if given is not None and not isinstance(given, dict):
        raise ValueError(f"{where} is not a mapping")
    return dict(given or {})


def _pair(item: Any) -> tuple[str, str | None]:  # noqa: ANN401 - as YAML has it
    name, equals, value = str(item).partition("=")
    return name, value if equals else None
