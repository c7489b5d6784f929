"""Images of environments: built once from the same content, found again, or pulled."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import re
import tarfile
from collections import defaultdict, deque
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_fixed

from sandbox.archive import Archive
from sandbox.base import ImageBuildError, SandboxError, finished
from sandbox.owner import OWNER_LABEL, labels
from sandbox.python_bundle import probe, python_bundle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from sandbox.base import Environment
    from sandbox.engine import Engine

REPOSITORY = "termstone"
OWNER = {OWNER_LABEL: "image"}
_CONTEXT_LIMIT = 2_000_000_000
_PAUSE = 5.0
"""Seconds before a registry or a network that failed is asked once more."""
_PASSING = re.compile(
    r"toomanyrequests|too many requests|timeout|timed out|deadline exceeded|connection (?:refused|reset)|no such host"
    r"|unreachable|temporary failure|server misbehaving|bad gateway|service unavailable|unexpected EOF|: EOF|tls:",
    re.IGNORECASE,
)
_STEP = re.compile(r"returned a non-zero code")
"""What a step of a Dockerfile ends in, whatever it printed about the network."""
_REFUSED = re.compile(r"dockerfile parse error")
"""What the engine answers to a Dockerfile of which it begins no step."""
_STEP_BEGINS = re.compile(r"\s*---> Running in (\w+)")
_BUILDKIT = re.compile(
    r"^[ \t]*(?:RUN\s+--\w+|FROM\s+--platform=\$|(?:COPY|ADD)\s.*--(?:link|exclude|parents|checksum)"
    r"|(?:RUN|COPY|ADD)\s(?:.*\\\n)*.*(?<!<)<<-?['\"]?[A-Za-z_]\w*)",
    re.MULTILINE | re.IGNORECASE,
)
"""What only BuildKit reads."""


class Recipe(NamedTuple):
    """What an image is built from; equal recipes are one image."""

    context: bytes
    """A tar archive."""
    dockerfile: str = "Dockerfile"
    """Its name in the context."""
    args: Mapping[str, str] = {}
    target: str | None = None

    @property
    def tag(self) -> str:
        """The name of the image, which is its content's."""
        hashed = hashlib.sha256(self.context)
        if self[1:] != Recipe(b"")[1:]:
            hashed.update(json.dumps(self[1:], sort_keys=True).encode())
        return f"{REPOSITORY}:{hashed.hexdigest()[:32]}"


class Images:
    """The images that a daemon has or can be given."""

    def __init__(self, engine: Engine) -> None:
        self.facts: dict[str, Any] = {}
        """What the daemon knows of an image that was found, by its id."""
        self._engine = engine
        self._under_way: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, environment: Environment) -> str:
        """Return the id of the image of an environment without a compose file.

        Raises:
            ImageBuildError: it can be neither found nor pulled nor built.
        """
        if environment.image is not None:
            return await self.pulled(environment.image, environment.build_timeout)
        if environment.context is None:
            raise ImageBuildError("the task names neither a Dockerfile nor an image")
        return await self.built(Recipe(await asyncio.to_thread(packed, environment.context)), environment.build_timeout)

    async def pulled(self, name: str, within: float) -> str:
        """Find an image by its name, or pull it."""
        repository, _, tag = name.rpartition(":")
        known = (repository, tag) if repository and "/" not in tag else (name, None if "@" in name else "latest")
        async with self._under_way[name]:
            with contextlib.suppress(SandboxError):
                return await self._found(name)
            try:
                await _twice(lambda: self._engine.call(self._engine.api.pull, *known, within=within))
                return await self._found(name)
            except SandboxError as error:
                raise ImageBuildError(f"image {name}: {error}") from error

    async def built(self, recipe: Recipe, within: float) -> str:
        """Build an image, or find what was built from the same before."""
        async with self._under_way[recipe.tag]:
            with contextlib.suppress(SandboxError):
                return await self._found(recipe.tag)
            try:
                await _twice(lambda: self._build(recipe, within))
                return await self._found(recipe.tag)
            except SandboxError as error:
                if isinstance(error, ImageBuildError):
                    raise
                refused = _remedy(recipe) if _REFUSED.search(str(error)) else ""
                raise ImageBuildError(f"no image: {error}{refused}") from error

    async def python(self, module: str) -> str:
        """Find or make the image in which a module of ours runs, by `sandbox.python_bundle.command`; return its name.

        Raises:
            SandboxError: this machine's Python cannot be packed, or does not work in an image.
        """
        files = await asyncio.to_thread(python_bundle, module)
        tag = f"python-{hashlib.sha256(files).hexdigest()[:32]}"
        name = f"{REPOSITORY}:{tag}"
        async with self._under_way[name]:
            try:
                await self._found(name)
            except SandboxError:
                label = [f"LABEL {OWNER_LABEL}={OWNER[OWNER_LABEL]}"]
                await self._engine.call(self._engine.api.import_image_from_data, files, REPOSITORY, tag, label)
                await self._engine.call(self._try, name, probe(module))
        return name

    def _try(self, image: str, command: list[str]) -> None:
        """See whether a command works there; without an answer later on, whatever runs beside would be to blame."""
        api = self._engine.api
        container = api.create_container(image, command, labels=labels(), network_disabled=True)["Id"]
        try:
            api.start(container)
            code = api.wait(container)["StatusCode"]
        finally:
            api.remove_container(container, force=True)
        if code:
            api.remove_image(image)
            raise SandboxError(f"this machine's Python does not work in an image: exit code {code}")

    async def _found(self, name: str) -> str:
        facts = await self._engine.call(self._engine.api.inspect_image, name)
        self.facts[facts["Id"]] = facts
        return str(facts["Id"])

    async def _build(self, recipe: Recipe, within: float) -> None:
        build = _Build(self._engine.api, recipe)
        try:
            await self._engine.call(build.build, within=within)
        except BaseException:
            with contextlib.suppress(SandboxError):  # it has just ended
                await finished(self._engine.call(build.give_up))
            raise


class _Build:
    """One build, with which the engine would go on when nobody waits for it any more."""

    def __init__(self, api: Any, recipe: Recipe) -> None:  # noqa: ANN401 - the SDK's client has no types
        self._api = api
        self._recipe = recipe
        self._container = ""
        """In which a step runs."""
        self._given_up = False

    def build(self) -> None:
        """Build to the end; `ImageBuildError` says what went wrong."""
        recipe = self._recipe
        last: deque[str] = deque(maxlen=12)
        error = ""
        events = self._api.build(
            fileobj=io.BytesIO(recipe.context), custom_context=True, tag=recipe.tag, dockerfile=recipe.dockerfile,
            buildargs=dict(recipe.args), target=recipe.target, rm=True, forcerm=True, decode=True, labels=OWNER,
        )  # fmt: skip
        for event in events:  # to the end even after an error, or the connection stays open
            said = str(event.get("stream", ""))
            last.extend(line for line in said.splitlines() if line.strip())
            error = error or str(event.get("error", "")).strip()
            if begun := _STEP_BEGINS.match(said):
                self._container = begun[1]
                if self._given_up:
                    self.give_up()
        self._container = ""
        if error:
            remedy = "" if _STEP.search(error) else _remedy(recipe)
            raise ImageBuildError("\n".join([f"the image did not build: {error}{remedy}", *last]))

    def give_up(self) -> None:
        """Kill the step that runs, or else the next one, at which the build ends."""
        self._given_up = True
        if self._container:
            self._api.kill(self._container)


def _remedy(recipe: Recipe) -> str:
    """Say where a Dockerfile asks for more than the engine's API builds."""
    with tarfile.open(fileobj=io.BytesIO(recipe.context)) as tar:
        file = tar.extractfile(str(PurePosixPath(recipe.dockerfile)))
        text = file.read().decode(errors="replace") if file else ""
    needs = _BUILDKIT.search(text)
    return f" ({needs[0].splitlines()[-1].strip()!r} needs BuildKit, which is not used here)" if needs else ""


async def _twice(work: Callable[[], Awaitable[Any]]) -> None:
    """Do something once more when a registry or the network was what failed, never for a Dockerfile's own error."""
    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(2), wait=wait_fixed(_PAUSE), retry=retry_if_exception(_may_pass), reraise=True
    ):
        with attempt:
            await work()


def _may_pass(error: BaseException) -> bool:
    first = str(error).partition("\n")[0]  # what follows are a build's last lines, which can hold anything
    return isinstance(error, SandboxError) and bool(_PASSING.search(first)) and not _STEP.search(first)


def packed(folder: Path, dockerfile: str = "Dockerfile") -> bytes:
    """Pack the context of a build as a tar archive, without what its ``.dockerignore`` names.

    Raises:
        ImageBuildError: there is no Dockerfile in it, or there is too much to read it here.
    """
    from docker.utils import exclude_paths  # noqa: PLC0415 - imported with the client

    if not (folder / dockerfile).is_file():
        raise ImageBuildError(f"{folder}: no {dockerfile}")
    size = sum(path.lstat().st_size for path in folder.rglob("*"))
    if size > _CONTEXT_LIMIT:
        raise ImageBuildError(f"{folder}: {size:,} bytes, and a build takes {_CONTEXT_LIMIT:,} at most")
    ignore = folder / ".dockerignore"
    lines = [line.strip() for line in ignore.read_text().splitlines()] if ignore.is_file() else []
    patterns = [line for line in lines if line and not line.startswith("#")]
    keep = set(exclude_paths(str(folder), patterns, dockerfile=dockerfile)) if patterns else None
    return Archive().tree(folder, ".", keep=keep).done()
