"""Where tasks come from: folders, patterns, git repositories at a revision, and the datasets of registry files."""

from __future__ import annotations

import glob
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from evals import harbor, plugin, registry, terminal_bench
from evals.checkout import Repository, check_out
from evals.package_digest import noted
from evals.task import BrokenTask, Task, TaskError
from evals.task_folder import load_each, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evals.checkout import Checkout

    Loader = Callable[[Path], Iterable[Task | BrokenTask]]

READERS = {harbor.FILE: harbor.read, terminal_bench.FILE: terminal_bench.read}
FORMATS: dict[str, Loader] = {"harbor": harbor.load, "terminal-bench": terminal_bench.load}


def find(specs: Sequence[str], *, limit: int | None = None, task_format: str | None = None) -> list[Task | BrokenTask]:
    """Find and read tasks, in the order of `specs`, and of their names in each; each folder counts once.

    Tasks that share a name with one from elsewhere have that of the folder they are in before it.

    Args:
        specs: a task's folder, or one with tasks right below it; a pattern of such folders; ``URL@REVISION`` of a git
            repository, with ``:FOLDER`` for a folder in it; a registry file, with ``:NAME@VERSION`` for one of its
            datasets.
        limit: how many usable tasks are enough.
        task_format: ``harbor``, ``terminal-bench``, or ``module:function`` of a loader; ``None`` finds out.

    Raises:
        TaskError: a spec leads to no tasks.
    """
    load = _loader(task_format)
    found: dict[Path | BrokenTask, Task | BrokenTask] = {}
    usable = 0
    for task in (task for spec in specs for task in _tasks(spec, load)):
        key = task.path if isinstance(task, Task) else task
        if key in found:
            continue
        if isinstance(task, Task):
            if usable == limit:
                break
            usable += 1
        found[key] = task
    return _told_apart(list(found.values()))


def _tasks(spec: str, load: Loader) -> Iterable[Task | BrokenTask]:
    path, _, dataset = spec.rpartition(":")
    if "://" in spec:
        return _in_repository(spec, load)
    if registry.is_registry(Path(spec)):
        return _registered(Path(spec), None, load)
    if registry.is_registry(Path(path)):
        return _registered(Path(path), dataset, load)
    if not Path(spec).exists() and glob.has_magic(spec):
        return _matching(spec, load)
    return load(Path(spec))


def _matching(pattern: str, load: Loader) -> Iterator[Task | BrokenTask]:
    """Load what of the folders of a pattern are tasks, or folders of them."""
    none = True
    for path in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - it may be absolute
        for task in _if_any(Path(path), load):
            none = False
            yield task
    if none:
        raise TaskError(f"{pattern}: no task matches")


def _if_any(path: Path, load: Loader) -> Iterator[Task | BrokenTask]:
    try:
        yield from load(path)
    except TaskError:
        return


def _in_repository(spec: str, load: Loader) -> Iterator[Task | BrokenTask]:
    scheme, _, rest = spec.partition("://")
    host, _, tail = rest.partition("/")
    path, _, revision = tail.rpartition("@")
    revision, _, folder = revision.partition(":")
    if not path:
        raise TaskError(f"{spec}: name a commit, tag or branch, as URL@REVISION or URL@REVISION:FOLDER")
    checkout = check_out(Repository(f"{scheme}://{host}/{path}", revision), [folder] if folder else [])
    yield from _whole(load(checkout.path / folder), checkout)


def _registered(file: Path, dataset: str | None, load: Loader) -> Iterator[Task | BrokenTask]:
    places = registry.places(file, dataset)
    digests = {folder: digest for place in places for folder, digest in place.digests.items()}
    for repository in dict.fromkeys(place.repository for place in places):
        folders = [folder for place in places if place.repository == repository for folder in place.folders]
        try:
            checkout = check_out(repository, folders) if repository else None
        except TaskError as error:
            yield from (BrokenTask(name=_named(folder), reason=one_line(error)) for folder in folders)
            continue
        for folder in folders:
            try:
                tasks = load((checkout.path if checkout else file.parent) / folder)
                yield from _whole(noted(tasks, digests.get(folder)), checkout)
            except TaskError as error:
                yield BrokenTask(name=_named(folder), reason=one_line(error))


def _named(folder: str) -> str:
    return one_line(folder.rstrip("/").rpartition("/")[2])


def _whole(tasks: Iterable[Task | BrokenTask], checkout: Checkout | None) -> Iterator[Task | BrokenTask]:
    """Take those for broken whose files git could not bring as they are meant."""
    files = checkout.unusable if checkout else {}
    for task in tasks:
        bad = next((file for file in files if isinstance(task, Task) and file.is_relative_to(task.path)), None)
        if bad is None or isinstance(task, BrokenTask):
            yield task
        else:
            yield BrokenTask(name=task.name, reason=one_line(f"{bad.relative_to(task.path)} is {files[bad]}"))


def _loader(task_format: str | None) -> Loader:
    if task_format is None:
        return lambda path: load_each(path, READERS)
    if task_format in FORMATS:
        return FORMATS[task_format]
    try:
        load = plugin.resolve(task_format)
    except (ValueError, ImportError, AttributeError) as error:
        raise TaskError(
            f"--task-format {task_format}: {error}; give {', '.join(FORMATS)} or module:function"
        ) from error
    return lambda path: _loaded(load, path)


def _loaded(load: Loader, path: Path) -> Iterator[Task | BrokenTask]:
    """Have the user's own loader read a path, whatever it does."""
    try:
        found = list(load(path))
    except TaskError:
        raise
    except Exception as error:
        raise TaskError(f"{path}: the loader failed: {type(error).__name__}: {one_line(error)}") from error
    for task in found:
        if not isinstance(task, Task | BrokenTask):
            raise TaskError(f"{path}: the loader gave a {type(task).__name__}, which is no Task")
        yield task


def _told_apart(found: list[Task | BrokenTask]) -> list[Task | BrokenTask]:
    """Put as much of its path before a name that is not the only one of its kind as makes it so."""
    tasks = [task for task in found if isinstance(task, Task)]
    names = {task.path: task.name for task in tasks}
    depth = 1
    while repeated := {name for name, times in Counter(names.values()).items() if times > 1}:
        again = [path for path, name in names.items() if name in repeated and depth < len(path.parts) - 1]
        if not again:
            break
        for path in again:
            names[path] = f"{re.sub(r'[^A-Za-z0-9.]+', '-', path.parts[-depth - 1])}__{names[path]}"
        depth += 1
    return [task.model_copy(update={"name": names[task.path]}) if isinstance(task, Task) else task for task in found]
