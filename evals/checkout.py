"""Git repositories at one revision, kept in a cache folder of this machine by address and commit.

Nothing of a repository runs: it has no hooks, no submodules are fetched, and git asks nobody for a password.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from evals.task import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ADDRESS = re.compile(r"(?:https?|ssh|file)://[^/\s:@]*(?:@[^/\s@]+)?(?::\d+)?/\S+")
"""No password in it: git has helpers for those."""
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TIMEOUT = 1800.0
"""Seconds for one command of git; collections have gigabytes."""
_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_SIZE = 1024
_SUBMODULE, _LINK = "160000", "120000"
_SETTINGS = {
    "advice.detachedHead": "false",
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.file.allow": "always",
}
_MISLEADING = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_CONFIG_COUNT",
}
"""What a git that runs this program, such as for a hook, leaves in its environment."""
_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}


class Repository(NamedTuple):
    """A repository's address and one of its revisions."""

    url: str
    revision: str
    """A commit in full, a tag or a branch."""


class Checkout(NamedTuple):
    """The files of a repository at one commit."""

    path: Path
    commit: str
    unusable: dict[Path, str]
    """Files that are not what they should be, and why, such as pointers to content that is elsewhere."""


def check_out(repository: Repository, folders: Sequence[str] = ()) -> Checkout:
    """Bring a revision's files into the cache, unless they are there.

    Args:
        repository: what to fetch; a tag or branch is looked up each time, a commit is asked for only once.
        folders: what of it is wanted, relative to its root; nothing is all of it.

    Raises:
        TaskError: it cannot be had; the message has git's last line.
    """
    url, revision = repository
    if not _ADDRESS.fullmatch(url) or not _REVISION.fullmatch(revision) or ".." in revision:
        raise TaskError(f"{url}@{revision}: no address of a git repository with a revision")
    if any(PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts for folder in folders):
        raise TaskError(f"{url}: {', '.join(folders)}: not all in the repository")
    folders = [str(PurePosixPath(folder)) for folder in folders]
    folders = [] if "." in folders else folders
    name = re.sub(r"[^A-Za-z0-9.]+", "-", url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git"))[:60]
    cache = _cache().resolve() / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        commit = revision if _COMMIT.fullmatch(revision) else _commit_of(url, revision)
        git = _Git(cache / f"{commit}.git", cache / f"{name}-{commit[:12]}")
        if not git.files.exists():
            _fetch(cache, git, url, commit, folders)
        elif git.run("config", "--default=false", "core.sparseCheckout").strip() == "true":
            git.run("sparse-checkout", *(["add", "--end-of-options", *folders] if folders else ["disable"]))
        return Checkout(git.files, commit, dict(_unusable(git)))


class _Git(NamedTuple):
    """A repository whose own files lie beside those of its commit, so that no build context holds its history."""

    store: Path
    files: Path

    def run(self, *arguments: str) -> str:
        self.files.mkdir(exist_ok=True)
        return _git(f"--git-dir={self.store}", f"--work-tree={self.files}", *arguments, where=self.files)


def _git(*arguments: str, where: Path | None = None) -> str:
    """Run git, the one door to it, and return what it printed."""
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    env = {name: value for name, value in os.environ.items() if name not in _MISLEADING} | _VARIABLES
    try:
        ran = subprocess.run(
            ["git", *settings, *arguments], cwd=where, env=env, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_TIMEOUT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TaskError(f"git cannot be run: {error}") from error
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        verb = next((word for word in arguments if not word.startswith("-")), "")
        raise TaskError(f"git {verb}: {said[-1] if said else f'exit code {ran.returncode}'}")
    return ran.stdout.decode("utf-8", "surrogateescape")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "termstone" / "git"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process fetches into this folder."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _commit_of(url: str, revision: str) -> str:
    lines = _git("ls-remote", "--", url, revision, f"{revision}^{{}}").splitlines()
    found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
    for name in (f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}", revision):
        if _COMMIT.fullmatch(found.get(name, "")):
            return found[name]
    raise TaskError(f"{url} has no tag or branch {revision}; a commit is named in full")


def _fetch(cache: Path, git: _Git, url: str, commit: str, folders: Sequence[str]) -> None:
    """Fetch a commit without its history into a folder of its own, which takes its name once it is whole."""
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=cache))
    try:
        drafted = _Git(draft / "store", draft / "files")
        drafted.run("init", "--quiet", "--template=")
        drafted.run("remote", "add", "origin", url)
        drafted.run("fetch", "--quiet", "--depth=1", "--no-tags", "--filter=blob:none", "origin", commit)
        if folders:
            drafted.run("sparse-checkout", "set", "--cone", "--end-of-options", *folders)
        drafted.run("checkout", "--quiet", "--detach", commit)
        shutil.rmtree(git.store, ignore_errors=True)  # of a fetch that was cut off between the next two lines
        drafted.store.rename(git.store)
        drafted.files.rename(git.files)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _unusable(git: _Git) -> Iterator[tuple[Path, str]]:
    for entry in git.run("ls-files", "--stage", "-z").split("\0"):
        mode, _, name = entry.partition(" ")[0], *entry.partition("\t")[1:]
        path = git.files / name
        if mode == _SUBMODULE:
            yield path, "a submodule, which is not fetched"
        elif mode == _LINK and os.path.lexists(path) and not Path(os.path.realpath(path)).is_relative_to(git.files):
            yield path, "a link that leads out of the repository"
    for name in filter(None, git.run("ls-files", "-z", ":(attr:filter=lfs)").split("\0")):
        path = git.files / name
        if path.is_file() and path.stat().st_size < _POINTER_SIZE and path.read_bytes().startswith(_POINTER):
            yield path, "a Git LFS pointer; the file itself was not fetched"
