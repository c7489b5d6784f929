"""Who a command runs as, looked up in a sandbox's own files; only the standard library, as this runs inside."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Account(NamedTuple):
    """A user with the groups it is in."""

    uid: int
    gid: int
    groups: list[int]
    home: str


def account(user: str) -> Account:
    """Look ``name``, ``uid``, ``name:group`` or ``uid:gid`` up, without glibc, which would load modules for that.

    Raises:
        LookupError: there is no such user or group.
    """
    name, _, group = user.partition(":")
    entries = _entries("/etc/passwd", 7)
    entry = next((entry for entry in entries if name in (entry[0], entry[2])), None)
    if entry is None and not name.isdigit():
        raise LookupError(f"no user {name} in /etc/passwd")
    uid, gid, home = (int(entry[2]), int(entry[3]), entry[5] or "/") if entry else (int(name), 0, "/")
    groups = _entries("/etc/group", 4)
    if group:
        found = next((line[2] for line in groups if group in (line[0], line[2])), group)
        if not found.isdigit():
            raise LookupError(f"no group {group} in /etc/group")
        return Account(uid, int(found), [int(found)], home)
    member = [int(line[2]) for line in groups if entry and entry[0] in line[3].split(",")]
    return Account(uid, gid, sorted({gid, *member}), home)


def _entries(path: str, fields: int) -> list[list[str]]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    split = [line.split(":") for line in lines]
    return [entry for entry in split if len(entry) == fields and entry[2].isdigit()]
