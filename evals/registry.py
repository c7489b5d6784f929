"""Registry files, which list the tasks of datasets: ``registry.json`` and ``dataset.toml``."""

from __future__ import annotations

import json
import tomllib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evals.checkout import Repository
from evals.task import TaskError
from evals.task_folder import first_problem, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "dataset.toml"
_LIMIT = 100_000_000


class Place(NamedTuple):
    """Where one or more tasks of a dataset are."""

    repository: Repository | None
    """``None`` is the registry file's own folder."""
    folder: str
    """A task's folder or one of tasks, relative to that."""
    names: tuple[str, ...] | None = None
    """The folders in it that are meant; ``None`` is all."""
    digests: Mapping[str, str] = {}
    """What the files of some of `folders` should be; see `evals.package_digest`."""

    @property
    def folders(self) -> tuple[str, ...]:
        """All folders that are meant."""
        return (self.folder,) if self.names is None else tuple(f"{self.folder}/{name}" for name in self.names)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class _HarborTask(_Value):
    name: str
    git_url: str | None = None
    git_commit_id: str | None = None
    path: str


class _HarborDataset(_Value):
    name: str
    version: str = ""
    tasks: list[_HarborTask]

    def places(self) -> list[Place]:
        return [Place(_repository(task.git_url, task.git_commit_id), task.path) for task in self.tasks]


class _TerminalBenchDataset(_Value):
    name: str
    version: str = ""
    github_url: str
    dataset_path: str
    branch: str | None = None
    commit_hash: str = "head"
    task_id_subset: tuple[str, ...] | None = None

    def places(self) -> list[Place]:
        revision = self.branch if self.commit_hash.lower() == "head" else self.commit_hash
        return [Place(_repository(self.github_url, revision), self.dataset_path, self.task_id_subset)]


class _ManifestTask(_Value):
    name: str
    digest: str | None = None


class _Manifest(_Value):
    tasks: list[_ManifestTask] = Field(min_length=1)

    def place(self) -> Place:
        digests = {task.name.rpartition("/")[2]: task.digest for task in self.tasks}
        return Place(None, ".", tuple(digests), {f"./{name}": digest for name, digest in digests.items() if digest})


_Row = _HarborDataset | _TerminalBenchDataset
_ROWS: TypeAdapter[list[_Row]] = TypeAdapter(list[_Row])


def is_registry(path: Path) -> bool:
    """Whether a file has one of the names of registries."""
    return (path.suffix == ".json" or path.name == MANIFEST) and path.is_file()


def places(file: Path, wanted: str | None) -> list[Place]:
    """Return where the tasks of a dataset are.

    Args:
        file: the registry file. A ``dataset.toml`` is one dataset, whose tasks have to lie in folders beside it.
        wanted: the dataset's ``NAME`` or ``NAME@VERSION``; ``None`` where the file has only one.

    Raises:
        TaskError: the file cannot be read, or it is not said which of its datasets is meant.
    """
    try:
        text = read_text(file, _LIMIT)
        if file.name == MANIFEST:
            return _inside(file, [_Manifest.model_validate(tomllib.loads(text)).place()])
        rows = _ROWS.validate_python(json.loads(text))
    except ValidationError as error:
        raise TaskError(f"{file}: {first_problem(error)}") from error
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{file} does not parse: {error}") from error
    return _inside(file, _chosen(file, rows, wanted).places())


def _inside(file: Path, found: list[Place]) -> list[Place]:
    for folder in (folder for place in found for folder in place.folders):
        if folder.startswith("/") or ".." in PurePosixPath(folder).parts:
            raise TaskError(f"{file}: {folder!a} leads out of the dataset")
    return found


def _chosen(file: Path, rows: list[_Row], wanted: str | None) -> _Row:
    titles = {f"{row.name}@{row.version}" if row.version else row.name: row for row in rows}
    if wanted is not None and wanted in titles:
        return titles[wanted]
    fitting = [title for title, row in titles.items() if wanted in (None, row.name)]
    if len(fitting) == 1:
        return titles[fitting[0]]
    known = ", ".join((fitting or list(titles))[:20])
    raise TaskError(f"{file}: name a dataset as {file.name}:NAME@VERSION; there are {known or 'none'}")


def _repository(url: str | None, revision: str | None) -> Repository | None:
    if url is None:
        return None
    return Repository(url, "HEAD" if revision is None or revision.lower() == "head" else revision)
