"""A Dockerfile followed on a sandbox that has no images: its steps run one after another in the fresh sandbox.

FROM is not honoured, as the base is always this machine; the notes say so. Nothing is cached.
"""

from __future__ import annotations

import io
import platform
import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict

from sandbox import dockerfile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from sandbox.base import ExecResult
    from sandbox.dockerfile import Instruction

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_LAST_LINES = 20
_ACCOUNTS_LIMIT = 10_000_000


class Machine(Protocol):
    """Where the steps run."""

    async def step(self, argv: Sequence[str], *, user: str, cwd: str, env: Mapping[str, str]) -> ExecResult:
        """Run a command with the network of the machine."""
        ...

    async def unpack(self, archive: bytes) -> ExecResult:
        """Unpack a tar archive at ``/``; a folder that is there keeps its owner and mode."""
        ...

    async def get(self, path: str, limit: int) -> dict[str, bytes]:
        """Read files."""
        ...


class Image(BaseModel):
    """What a Dockerfile says about the commands to come."""

    model_config = ConfigDict(frozen=True)

    env: dict[str, str]
    workdir: str
    user: str
    notes: list[str]
    """What was not honoured, one line each."""


class _Stamp(NamedTuple):
    """What COPY gives its files."""

    uid: int
    gid: int
    mode: int | None
    """``None`` is the file's own."""


class Build:
    """One Dockerfile on its way into a sandbox."""

    def __init__(self, machine: Machine, context: Path, env: Mapping[str, str]) -> None:
        self._machine = machine
        self._context = context.resolve()
        self._ignored = dockerfile.Ignored.load(context)
        self._base = env
        self._env: dict[str, str] = {}
        self._args: dict[str, str] = {}
        self._workdir = "/"
        self._user = "root"
        self._shell = ["/bin/sh", "-c"]
        self._notes: list[str] = []

    async def run(self, instructions: Sequence[Instruction]) -> Image:
        """Follow the instructions.

        Raises:
            ImageBuildError: a step failed or cannot be followed here; it names the line.
        """
        steps: dict[str, Callable[[Instruction], Awaitable[None] | None]] = {
            "FROM": self._from, "RUN": self._run, "COPY": self._copy, "ADD": self._add, "WORKDIR": self._change_folder,
            "ENV": self._set_env, "ARG": self._set_arg, "USER": self._set_user, "SHELL": self._set_shell,
        }  # fmt: skip
        for instruction in instructions:
            step = steps.get(instruction.keyword)
            done = step(instruction) if step else None  # CMD, EXPOSE and the like say nothing about what happens here
            if done is not None:
                await done
        return Image(env=self._env, workdir=self._workdir, user=self._user, notes=self._notes)

    @property
    def _variables(self) -> dict[str, str]:
        return {**self._args, **self._env}

    def _from(self, instruction: Instruction) -> None:
        self._notes.append(f"FROM {instruction.text} is not honoured: commands run on this machine's own system")

    async def _run(self, instruction: Instruction) -> None:
        unknown = [flag for flag, value in instruction.flags.items() if not value.startswith("type=cache")]
        if unknown:
            raise instruction.refuse(f"--{unknown[0]} needs Docker")
        argv = dockerfile.exec_form(instruction.text) or [*self._shell, dockerfile.script(instruction.text)]
        await self._step(instruction, argv, self._user)

    async def _step(self, instruction: Instruction, argv: Sequence[str], user: str = "root") -> None:
        env = {**self._base, **self._variables}
        _require(instruction, await self._machine.step(argv, user=user, cwd=self._workdir, env=env))

    def _set_env(self, instruction: Instruction) -> None:
        self._env.update(dockerfile.assignments(instruction, self._variables))

    def _set_arg(self, instruction: Instruction) -> None:
        given = {"TARGETOS": "linux", "TARGETARCH": _MACHINES.get(platform.machine(), platform.machine())}
        for word in dockerfile.words(instruction.text, self._variables):
            name, _, default = word.partition("=")
            # A second ARG without a default, after FROM, asks for the value of the first one.
            self._args[name] = default or given.get(name, self._args.get(name, ""))

    def _set_user(self, instruction: Instruction) -> None:
        self._user = dockerfile.word(instruction.text, self._variables).strip()

    def _set_shell(self, instruction: Instruction) -> None:
        shell = dockerfile.exec_form(instruction.text)
        if not shell:
            raise instruction.refuse('not of the form ["shell", "option"]')
        self._shell = shell

    async def _change_folder(self, instruction: Instruction) -> None:
        folder = str(PurePosixPath(self._workdir) / dockerfile.word(instruction.text, self._variables).strip())
        await self._step(instruction, ["mkdir", "-p", "--", folder])
        self._workdir = folder

    async def _add(self, instruction: Instruction) -> None:
        sources = self._words(instruction)[:-1]
        for source in sources:
            if "://" in source or source.startswith("git@"):
                raise instruction.refuse("addresses need Docker")
            if source.endswith(_ARCHIVES):
                raise instruction.refuse("unpacking an archive needs Docker: COPY it and RUN tar")
        await self._copy(instruction)

    def _words(self, instruction: Instruction) -> list[str]:
        written = dockerfile.exec_form(instruction.text)
        if written is None:
            return dockerfile.words(instruction.text, self._variables)
        return [dockerfile.word(each, self._variables) for each in written]

    async def _copy(self, instruction: Instruction) -> None:
        unknown = set(instruction.flags) - {"chmod", "chown", "link"}
        if unknown or "\n" in instruction.text:
            reason = f"--{min(unknown)}" if unknown else "a here-document"
            raise instruction.refuse(f"{reason} needs Docker")
        *patterns, target = self._words(instruction)
        sources = [source for pattern in patterns for source in self._sources(instruction, pattern)]
        if not sources:
            raise instruction.refuse("nothing to copy")
        absolute = str(PurePosixPath(self._workdir) / target)
        into = target.endswith(("/", "/.")) or target == "." or len(sources) > 1 or await self._is_folder(absolute)
        stamp = await self._stamp(instruction)
        result = await self._machine.unpack(self._archive(sources, absolute, stamp, into=into))
        _require(instruction, result)

    def _sources(self, instruction: Instruction, pattern: str) -> list[Path]:
        """Find the files and folders of the context that a word of COPY means."""
        inside = pattern.removeprefix("./").strip("/")
        if inside in ("", "."):
            return [self._context]
        found = (
            sorted(self._context.glob(inside)) if any(char in inside for char in "*?[") else [self._context / inside]
        )
        kept = [path for path in found if self._name(path) not in self._ignored]
        for path in kept:
            if not path.resolve().is_relative_to(self._context) or ".." in path.parts:
                raise instruction.refuse(f"{pattern} is outside the context folder")
        if not kept or not all(path.exists() for path in kept):
            raise instruction.refuse(f"{pattern} is not in the context folder")
        return kept

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._context))

    async def _is_folder(self, path: str) -> bool:
        result = await self._machine.step(["test", "-d", path], user="root", cwd="/", env=self._base)
        return result.exit_code == 0

    async def _stamp(self, instruction: Instruction) -> _Stamp:
        """Resolve the owner and mode that the flags ask for."""
        chmod, chown = instruction.flags.get("chmod"), instruction.flags.get("chown", "0")
        if chmod is not None and not re.fullmatch(r"[0-7]{3,4}", chmod):
            raise instruction.refuse("--chmod is not octal")
        user, _, group = dockerfile.word(chown, self._variables).partition(":")
        uid, gid = await self._ids("/etc/passwd", user or "0", instruction)
        if group:
            gid, _ = await self._ids("/etc/group", group, instruction)
        return _Stamp(uid, gid, None if chmod is None else int(chmod, 8))

    async def _ids(self, path: str, name: str, instruction: Instruction) -> tuple[int, int]:
        """Look up the first two numbers of an account or a group; a number stands for itself."""
        if name.isdigit():
            return int(name), int(name)
        for content in (await self._machine.get(path, _ACCOUNTS_LIMIT)).values():
            for line in content.decode(errors="replace").splitlines():
                fields = line.split(":")
                if fields[0] == name and path == "/etc/passwd":
                    return int(fields[2]), int(fields[3])
                if fields[0] == name:
                    return int(fields[2]), int(fields[2])
        raise instruction.refuse(f"no {name} in {path}")

    def _archive(self, sources: Sequence[Path], target: str, stamp: _Stamp, *, into: bool) -> bytes:
        """Pack files under their names in the sandbox; a folder's content goes to the target itself."""

        def stamped(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.uid, entry.gid, entry.uname, entry.gname = stamp.uid, stamp.gid, "", ""
            entry.mode = entry.mode if stamp.mode is None or entry.issym() else stamp.mode
            return entry

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for source in sources:
                base = PurePosixPath(target) if source.is_dir() or not into else PurePosixPath(target, source.name)
                real = source.resolve()  # a link that COPY names means its target; those in a folder stay links
                for path in self._below(real):
                    name = str(base / path.relative_to(real)).lstrip("/")
                    tar.add(path, name or ".", recursive=False, filter=stamped)
        return buffer.getvalue()

    def _below(self, source: Path) -> Iterator[Path]:
        for path in [source, *sorted(source.rglob("*"))] if source.is_dir() else [source]:
            is_kept = path in (source, self._context) or self._name(path) not in self._ignored
            if is_kept and (path.is_symlink() or path.is_dir() or path.is_file()):
                yield path


def _require(instruction: Instruction, result: ExecResult) -> None:
    if result.exit_code:
        lines = "\n".join(result.output.splitlines()[-_LAST_LINES:])
        raise instruction.refuse(f"exit code {result.exit_code}\n{lines}".rstrip())
