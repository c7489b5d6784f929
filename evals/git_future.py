"""Commits in a task's image that come after what is checked out: an agent could read there what it is asked for."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sandbox.base import Sandbox

_SEARCH = 120.0
"""Seconds to look for repositories and through them."""
_OWN_FOLDERS = ("/home", "/mnt", "/root", "/tmp")  # noqa: S108 - the sandbox's own
"""What shows nothing of this machine in a local sandbox, beside the working directory."""
# With a --git-dir, git does not ask who owns a repository. What no name leads to any more can be read as well.
_SCRIPT = """
[ "$1" = / ] || set -- "$PWD" "$@"
find "$@" \\( -path /proc -o -path /sys -o -path /dev -o -path /usr -o -type d -name '.?*' ! -name .git \\) -prune \
    -o -name .git -prune -print 2>/dev/null | sort -u | head -n 50 | while IFS= read -r git; do
    command -v git >/dev/null || { echo "- - ${git%/.git}"; continue; }
    commits() {
        git --git-dir="$git" cat-file --batch-all-objects --batch-check='%(objecttype) %(objectname)' 2>/dev/null |
            sed -n 's/^commit //p' | git --git-dir="$git" rev-list --stdin --count "$@" ^HEAD 2>/dev/null
    }
    since=$(git --git-dir="$git" log -1 --format=%ct HEAD 2>/dev/null) || continue
    echo "$(commits) $(commits --max-age=$((since + 1))) ${git%/.git}"
done
"""


class Repository(NamedTuple):
    """A git repository in a sandbox."""

    folder: str
    unreached: int | None
    """Commits that are there and that ``HEAD`` does not reach; ``None`` where there is no git to look with."""
    newer: int | None
    """How many of them were made after the one that is checked out."""

    def __str__(self) -> str:
        place = shlex.quote(self.folder)
        if self.unreached is None:
            return f"{place}: no git there to look into it with"
        return f"{place}: {self.unreached} commits that HEAD does not reach, {self.newer} of them newer"


async def repositories(sandbox: Sandbox, *, local: bool) -> list[Repository]:
    """Find the git repositories of a sandbox that nobody has worked in, but for those of tools, in hidden folders.

    Args:
        sandbox: where to look.
        local: whether it shows folders of this machine, which are no task's.
    """
    places = _OWN_FOLDERS if local else ("/",)
    found = await sandbox.exec(["sh", "-c", _SCRIPT, "sh", *places], timeout=_SEARCH, user="root")
    lines = [line.split(" ", 2) for line in found.output.splitlines()]
    return [
        Repository(line[2], *(int(count) if count.isdigit() else None for count in line[:2]))
        for line in lines
        if len(line) == len(Repository._fields)
    ]
