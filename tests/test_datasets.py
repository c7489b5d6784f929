from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from evals.datasets import find
from evals.package_digest import package_digest
from evals.task import BrokenTask, Task, TaskError
from tests import test_terminal_bench
from tests.fakes import make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def names(specs: Sequence[object], limit: int | None = None, task_format: str | None = None) -> list[str]:
    return [task.name for task in find([str(spec) for spec in specs], limit=limit, task_format=task_format)]


def reasons(*specs: object) -> dict[str, str]:
    return {task.name: task.reason for task in find(list(map(str, specs))) if isinstance(task, BrokenTask)}


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Three tasks of two formats, and one that is broken."""
    for name in ("c", "a"):
        make_task(tmp_path / "tasks" / name)
    test_terminal_bench.make_task(tmp_path / "tasks" / "b")
    (make_task(tmp_path / "tasks" / "bad") / "task.toml").write_text("[")
    (tmp_path / "tasks" / "notes").mkdir()
    return tmp_path / "tasks"


@pytest.mark.fault("F51")
def test_a_folder_is_read_in_the_order_of_names_whatever_the_formats_are(tasks: Path) -> None:
    found = find([str(tasks)])
    assert [(task.name, type(task)) for task in found] == [("a", Task), ("b", Task), ("bad", BrokenTask), ("c", Task)]
    assert [task.format for task in found if isinstance(task, Task)] == ["harbor", "terminal-bench", "harbor"]


def test_paths_keep_the_order_in_which_they_are_given_and_count_once(tasks: Path) -> None:
    assert names([tasks / "c", tasks, tasks / "a", f"{tasks}/../tasks/c"]) == ["c", "a", "b", "bad"]


def test_a_limit_counts_usable_tasks(tasks: Path) -> None:
    assert names([tasks], limit=2) == ["a", "b", "bad"]
    assert names([tasks / "bad", tasks], limit=1) == ["bad", "a"]
    assert names([tasks / "a", tasks], limit=2) == ["a", "b", "bad"]
    assert names([tasks], limit=9) == ["a", "b", "bad", "c"]


def test_a_pattern_takes_what_is_a_task(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tasks / "README.md").write_text("")
    assert names([f"{tasks}/*"]) == ["a", "b", "bad", "c"]
    assert names([f"{tasks}/[ac]"]) == ["a", "c"]
    assert names([f"{tasks}/ba*", f"{tasks}/b*"]) == ["bad", "b"]
    monkeypatch.chdir(tasks.parent)
    assert names(["t*/**"]) == ["a", "b", "bad", "c"]


def test_a_folder_whose_name_looks_like_a_pattern_is_that_folder(tmp_path: Path) -> None:
    make_task(tmp_path / "v[1]" / "a")
    assert names([tmp_path / "v[1]"]) == ["a"]


@pytest.mark.parametrize("spec", ["nowhere", "tasks/x*", "tasks/notes", "tasks/README", "a\nb", "no\0where"])
def test_a_path_that_leads_to_no_task_is_said(tasks: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    monkeypatch.chdir(tasks.parent)
    with pytest.raises(TaskError):
        find([spec])


def test_tasks_of_one_name_are_told_apart_by_where_they_are(tmp_path: Path) -> None:
    for place in ("one/tasks/a", "two/tasks/a", "other set/a", "two/tasks/b"):
        make_task(tmp_path / place)
    found = names([tmp_path / "one/tasks", tmp_path / "two/tasks", tmp_path / "other set"])
    assert found == ["one__tasks__a", "two__tasks__a", "b", "other-set__a"]


def test_a_format_can_be_forced(tasks: Path) -> None:
    assert names([tasks], task_format="terminal-bench") == ["b"]
    assert names([tasks], task_format="harbor") == ["a", "bad", "c"]


LOADER = """
from evals.harbor import load as harbor
def load(path):
    yield from harbor(path)
def odd(path):
    return [1]
def failing(path):
    raise KeyError("x")
"""


def test_a_loader_of_ones_own_is_called(tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_loader.py").write_text(LOADER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert names([tasks / "a"], task_format="own_loader:load") == ["a"]
    for name, says in {"odd": "gave a int", "failing": "KeyError", "none": "none", "own": "give harbor"}.items():
        with pytest.raises(TaskError, match=says):
            find([str(tasks)], task_format=f"own_loader:{name}")


TIMES_READING = 6
"""How much longer loading may take than reading: it was twice as long, on a loaded machine as on another."""


def test_thousands_of_tasks_load_in_seconds(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    template = make_task(tmp_path / "template")
    for number in range(3500):
        folder = tmp_path / "many" / f"task-{number}"
        for path in sorted(template.rglob("*")):
            target = folder / path.relative_to(template)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                os.link(path, target)
    begun = time.monotonic()
    for path in sorted((tmp_path / "many").rglob("*")):
        if path.is_file():
            path.read_bytes()
    reading = time.monotonic() - begun
    begun = time.monotonic()
    assert len(find([str(tmp_path / "many")])) == 3500
    seconds = time.monotonic() - begun
    record_property("milliseconds for 3500 tasks", round(seconds * 1000))
    # On a machine with much else to do, reading is slow as well.
    assert seconds < max(10, TIMES_READING * reading), f"{seconds:.1f} s, and {reading:.1f} s to read the same files"


def git(folder: Path, *arguments: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare repository with the tasks in ``sets/tasks``, tagged ``v1``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "work"
    (work / "sets").mkdir(parents=True)
    tasks.rename(work / "sets" / "tasks")
    git(work, "init", "-q", "-b", "main")
    git(work, "add", "-A")
    git(work, "commit", "-qm", "tasks")
    git(work, "tag", "-a", "v1", "-m", "first")
    git(tmp_path, "clone", "-q", "--bare", str(work), "remote.git")
    git(tmp_path / "remote.git", "config", "uploadpack.allowFilter", "true")
    return tmp_path / "remote.git"


def add(repository: Path, message: str) -> str:
    """Commit what lies in the work tree, and return the commit."""
    work = repository.parent / "work"
    git(work, "add", "-A")
    git(work, "commit", "-qm", message)
    git(work, "push", "-q", str(repository), "main")
    return git(work, "rev-parse", "HEAD")


def test_a_repository_is_read_at_a_revision(repository: Path) -> None:
    url = f"file://{repository}"
    commit = git(repository, "rev-parse", "main")
    make_task(repository.parent / "work/sets/tasks/later")
    add(repository, "one more")
    for revision in ("v1", commit):
        assert names([f"{url}@{revision}:sets/tasks"]) == ["a", "b", "bad", "c"]
    assert names([f"{url}@main:sets/tasks"]) == ["a", "b", "bad", "c", "later"]
    assert names([f"{url}@main:sets/tasks/later"]) == ["later"]
    with pytest.raises(TaskError, match="no task here"):
        find([f"{url}@main"])


def test_a_commit_is_fetched_once(repository: Path) -> None:
    spec = f"file://{repository}@{git(repository, 'rev-parse', 'main')}:sets/tasks"
    before = find([spec])
    repository.rename(repository.with_name("gone"))
    assert find([spec]) == before
    with pytest.raises(TaskError, match="git ls-remote"):
        find([f"file://{repository}@v1:sets/tasks"])


def test_of_a_commit_only_the_folders_that_are_wanted_are_there(repository: Path) -> None:
    spec = f"file://{repository}@{git(repository, 'rev-parse', 'main')}"
    for wanted, there in (("a", ["a"]), ("c", ["a", "c"]), ("a", ["a", "c"]), ("", ["a", "b", "bad", "c"])):
        (task, *_) = find([f"{spec}:sets/tasks/{wanted}".rstrip("/")])
        assert isinstance(task, Task)
        assert sorted(path.name for path in task.path.parent.iterdir()) == there


def test_a_repositorys_own_files_are_in_no_task(repository: Path) -> None:
    (task, *_) = find([f"file://{repository}@v1:sets/tasks"])
    assert isinstance(task, Task)
    root = task.path.parent.parent.parent
    assert sorted(path.name for path in root.iterdir()) == ["sets"]
    assert names([f"file://{repository}@v1:sets/tasks/a"]) == ["a"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("https://example.org/x.git", "name a commit, tag or branch"),
        ("ssh://git@example.org/x.git", "name a commit, tag or branch"),
        ("https://me:secret@example.org/x.git@v1", "no address"),
        ("ext::sh -c id://x/y@v1", "no address"),
        ("git://example.org/x@v1", "no address"),
        ("file:///nowhere/x.git@v1", "git ls-remote"),
        ("{url}@-upload-pack=x", "no address"),
        ("{url}@v1..v2", "no address"),
        ("{url}@v9", "no tag or branch v9"),
        ("{url}@" + "0" * 40, "git fetch"),
        ("{url}@v1:../..", "not all in the repository"),
        ("{url}@v1:/etc", "not all in the repository"),
        ("{url}@v1:nowhere", "no such folder"),
    ],
)
def test_what_git_cannot_bring_is_one_line(repository: Path, spec: str, says: str) -> None:
    with pytest.raises(TaskError, match=says) as error:
        find([spec.replace("{url}", f"file://{repository}")])
    assert "\n" not in str(error.value)


@pytest.mark.fault("F65")
def test_files_that_are_not_themselves_break_their_task_alone(repository: Path) -> None:
    work = repository.parent / "work"
    (work / "sets/tasks/a/tests/data").symlink_to("/etc/passwd")
    (work / "sets/tasks/b/inside").symlink_to("Dockerfile")
    git(work, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "sets/tasks/c/sub")
    lfs = make_task(work / "sets/tasks/d")
    (work / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (lfs / "environment/data.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    make_task(work / "sets/tasks/e/").joinpath("environment/own.bin").write_bytes(b"\0" * 10)
    commit = add(repository, "odd files")
    spec = f"file://{repository}@{commit}:sets/tasks"
    found = reasons(spec)
    assert found.pop("bad")
    assert found == {
        "a": "tests/data is a link that leads out of the repository",
        "c": "sub is a submodule, which is not fetched",
        "d": "environment/data.bin is a Git LFS pointer; the file itself was not fetched",
    }
    assert names([spec])[-1] == "e"


def test_nothing_of_a_repository_or_of_the_users_settings_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "gitconfig").write_text(f"[init]\n\ttemplateDir = {hooks.parent}\n[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere"))
    assert names([f"file://{repository}@v1:sets/tasks"]) == ["a", "b", "bad", "c"]
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "elsewhere").exists()
    assert not list((tmp_path / "cache").rglob("hooks"))


def test_a_harbor_registry_names_tasks_one_by_one(repository: Path, tmp_path: Path) -> None:
    make_task(tmp_path / "near")
    commit = git(repository, "rev-parse", "main")
    row = {"git_url": f"file://{repository}", "git_commit_id": commit}
    rows = [
        {"name": "c", "path": "sets/tasks/c", **row},
        {"name": "a", "path": "sets/tasks/a", **row},
        {"name": "gone", "path": "sets/tasks/gone", **row},
        {"name": "near", "path": "near"},
        {"name": "far", "path": "far", "git_url": "file:///nowhere/x.git", "git_commit_id": "0" * 40},
    ]
    file = tmp_path / "registry.json"
    file.write_text(json.dumps([{"name": "set", "version": "1.0", "description": "", "tasks": rows, "metrics": []}]))
    found = find([str(file)])
    assert [(task.name, type(task)) for task in found] == [
        *[("c", Task), ("a", Task), ("gone", BrokenTask), ("near", Task), ("far", BrokenTask)]
    ]
    assert names([f"{file}:set@1.0"]) == names([f"{file}:set"]) == names([file])


def test_a_terminal_bench_registry_names_a_folder_and_tasks_in_it(repository: Path, tmp_path: Path) -> None:
    row = {"name": "core", "github_url": f"file://{repository}", "dataset_path": "./sets/tasks", "branch": "main"}
    subset = ["c", "b", "gone"]
    rows = [
        {**row, "version": "head", "commit_hash": "head", "task_id_subset": None},
        {**row, "version": "1", "commit_hash": git(repository, "rev-parse", "main"), "task_id_subset": subset},
    ]
    file = tmp_path / "registry.json"
    file.write_text(json.dumps(rows))
    assert names([f"{file}:core@head"]) == ["a", "b", "bad", "c"]
    assert names([f"{file}:core@1"]) == ["c", "b", "gone"]
    with pytest.raises(TaskError, match="core@head, core@1"):
        find([str(file)])


def test_a_dataset_manifest_names_the_tasks_beside_it(tasks: Path) -> None:
    (tasks / "dataset.toml").write_text(
        '[dataset]\nname = "org/set"\n'
        '[[tasks]]\nname = "org/c"\ndigest = "sha256:0"\n[[tasks]]\nname = "org/gone"\n[[tasks]]\nname = "a"\n'
    )
    assert names([tasks / "dataset.toml"]) == ["c", "gone", "a"]
    assert list(reasons(tasks / "dataset.toml")) == ["gone"]


PUBLISHED = (
    "task.toml",
    "instruction.md",
    "README.md",
    "environment/Dockerfile",
    "tests/a/b",
    "tests/a-b",
    "solution/s",
)
LEFT_OUT = ("notes.txt", "tests/__pycache__/x", "tests/y.pyc", "environment/z~", "solution/.DS_Store")
DIGEST = "sha256:bb8c5fb68e73fadc604685e64556eee5346ae6e9263e56b7a109b62937a388b1"
"""What Harbor 0.4, 0.25 and 0.26 make of a folder in which each of these files holds its own name."""


def package(folder: Path) -> Path:
    for name in (*PUBLISHED, *LEFT_OUT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_digest_is_harbors(tmp_path: Path) -> None:
    folder = package(tmp_path / "task")
    assert package_digest(folder) == DIGEST
    for name in LEFT_OUT:
        (folder / name).write_text("other")
    assert package_digest(folder) == DIGEST
    (folder / "tests" / "a" / "b").write_text("other")
    assert package_digest(folder) != DIGEST


def notes(tasks: Path, digest: str) -> tuple[str, ...]:
    """Name the task c with a digest, and return what is said of it."""
    (tasks / "dataset.toml").write_text(f'[[tasks]]\nname = "org/c"\ndigest = "{digest}"\n')
    (task,) = find([str(tasks / "dataset.toml")])
    assert isinstance(task, Task)
    return task.notes


def test_a_task_that_is_not_the_one_of_its_manifest_is_noted(tasks: Path) -> None:
    digest = package_digest(tasks / "c")
    assert notes(tasks, digest) == ()
    (tasks / "c" / "tests" / "more").write_text("")
    changed = package_digest(tasks / "c")
    assert notes(tasks, digest) == (f"its files are not those of dataset.toml: their digest is {changed}",)


@pytest.mark.parametrize("name", [".gitignore", "tests/.harborignore", "trajectory.json"])
def test_a_digest_that_is_not_compared_is_said_to_be(tasks: Path, name: str) -> None:
    (tasks / "c" / name).write_text("")
    said = f"its digest in dataset.toml is not compared, as it has {name.rpartition('/')[2]}"
    assert said in notes(tasks, "sha256:0")


@pytest.mark.fault("F66")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("registry.json", ""),
        ("registry.json", "[" * 100_000),
        ("registry.json", "{}"),
        ("registry.json", "[]"),
        ("registry.json", '[{"name": "a", "tasks": [{"name": "b"}]}]'),
        ("registry.json", '[{"name": "a", "tasks": [{"name": "b", "path": "../b"}]}]'),
        ("registry.json", '[{"name": "a", "tasks": [{"name": "b", "path": "/etc"}]}]'),
        ("dataset.toml", "["),
        ("dataset.toml", "tasks = []"),
        ("dataset.toml", '[[tasks]]\nname = ".."\n'),
    ],
    ids=lambda text: text[:40],
)
def test_a_registry_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TaskError, match=name) as error:
        find([str(tmp_path / name)])
    assert "\n" not in str(error.value)
