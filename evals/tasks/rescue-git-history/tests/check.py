"""Compares the repository's history with the expected one and looks for the token in everything that is left.

Only data is copied out of the agent's repository (objects, refs, index), so nothing in its configuration, hooks,
grafts or replacements has a say.
"""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

WORK = Path("/app/tidebook")
TOKEN = re.compile(rb"tbk_live_[A-Za-z0-9]{20}")
FIELDS = ["author", "date", "tree", "message"]


class Wrong(Exception):
    """What is wrong with the repository."""


def git(folder, *arguments, **env):
    run = subprocess.run(
        ["git", "--git-dir", folder, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_NO_REPLACE_OBJECTS": "1", **env},
    )
    if run.returncode:
        raise Wrong(f"git {arguments[0]}: {run.stderr.decode(errors='replace')[-300:]}")
    return run.stdout


def copied(bare):
    """A repository of our own with the agent's objects and refs."""
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    source = WORK / ".git"
    for name in ["objects", "refs"]:
        shutil.rmtree(bare / name)
        shutil.copytree(source / name, bare / name, symlinks=True)
    for name in ["packed-refs", "index"]:
        if (source / name).exists():
            shutil.copyfile(source / name, bare / name)
    shutil.rmtree(bare / "objects/info", ignore_errors=True)  # alternates would bring in other folders


def history(bare, ref):
    log = git(bare, "log", "--reverse", "--topo-order", "--format=%an <%ae>%x1f%ad%x1f%T%x1f%B%x1e", "--date=raw", ref, "--")
    commits = [dict(zip(FIELDS, commit.strip().split("\x1f"))) for commit in log.decode().split("\x1e") if commit.strip()]
    return commits


def check_history(bare):
    for ref, expected in json.loads(Path("/tests/expected.json").read_text()).items():
        found = history(bare, ref)
        if [commit["message"] for commit in found] != [commit["message"] for commit in expected]:
            raise Wrong(f"{ref} has {len(found)} commits, should have {len(expected)}, or others than those that were there")
        for commit, want in zip(found, expected):
            for field in FIELDS:
                if commit[field] != want[field]:
                    raise Wrong(f"{ref}, {want['message']!r}: {field} is {commit[field]!r}, should be {want[field]!r}")
        if git(bare, "cat-file", "-t", ref).strip() != b"commit":
            raise Wrong(f"{ref} is not at a commit itself")
    git(bare, "fsck", "--full", "--no-dangling")


def check_token_gone(bare):
    if TOKEN.search(git(bare, "cat-file", "--batch-all-objects", "--batch", "--unordered")):
        raise Wrong("an object still holds the token")
    for path in (WORK / ".git").rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        in_packs = path.parent == WORK / ".git/objects/pack"
        if data.startswith(b"PACK") and not (in_packs and path.with_suffix(".idx").is_file()):
            raise Wrong(f"{path} is a pack that git does not use")
        try:
            data += zlib.decompress(data)
        except zlib.error:
            pass
        if TOKEN.search(data):
            raise Wrong(f"{path} still holds the token")


def check_work_tree(bare):
    if (WORK / ".git/HEAD").read_text().strip() != "ref: refs/heads/main":
        raise Wrong("main is not checked out")
    git(bare, "diff-index", "--cached", "--quiet", "refs/heads/main", "--", GIT_INDEX_FILE=str(bare / "index"))
    tracked = {}
    for entry in git(bare, "ls-tree", "-r", "-z", "refs/heads/main").split(b"\0")[:-1]:
        about, name = entry.split(b"\t")
        mode, _, blob = about.split()
        tracked[name.decode()] = (mode == b"100755", blob.decode())
    there = {}
    for path in WORK.rglob("*"):
        name = path.relative_to(WORK)
        if name.parts[0] != ".git" and not path.is_dir():
            data = path.read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            there[str(name)] = (bool(path.stat().st_mode & stat.S_IXUSR), blob)
    if there != tracked:
        raise Wrong(f"the working tree is not clean: {sorted(dict(there.items() ^ tracked.items()))}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        try:
            copied(Path(scratch, "copy.git"))
            check_history(Path(scratch, "copy.git"))
            check_token_gone(Path(scratch, "copy.git"))
            check_work_tree(Path(scratch, "copy.git"))
        except Exception as error:  # whatever the agent left there, it is a 0 with a reason
            print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
            sys.exit(1)
    print("PASS")
