"""Inside a sandbox: what tests are run with and was changed since some time, by the kernel's own note of it.

Shells, interpreters and the tools that most tests use, wherever a search path may lead to them; the C library and what
is loaded with it; and the files that Python, pytest and curl read uninvited. The time of a file's last change of any
kind (``ctime``) cannot be set by who may not set the clock, so no copy is needed to compare with. A file that was
removed is not noticed, nor one that other programs need.

Only the standard library, nothing imported late, as `sandbox.seal` calls this.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 20
_TICK = 0.02
"""Seconds that the clock of file systems may be behind."""
_ENTRIES = 50_000
_TOOLS = re.compile(
    r"sh|bash|dash|ash|busybox|env|python[\d.]*|pytest|py\.test|uvx?|curl|wget|perl|\[|test|true|false|cat|cmp|cp|cut"
    r"|diff|echo|find|[ef]?grep|head|id|ls|mkdir|mv|printf|ps|rm|sed|sha256sum|sleep|sort|stat|tail|tee|timeout|tr|wc"
    r"|[gm]?awk|xargs"
)
_LIBRARIES = re.compile(r"(?:ld|libc|libdl|libm|libpthread|libpython[\d.]+)[-.].*")
_HOOKS = re.compile(r"(?:site|user)customize\.py|.*\.pth|.*\.start|pyvenv\.cfg")
_PYTEST = re.compile(r"conftest\.py|pytest\.(?:ini|toml)|\.pytest\.ini|tox\.ini|setup\.cfg|pyproject\.toml")
_ANY = re.compile(r".*")
_PLACES = (
    *((path, _TOOLS) for path in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin")),
    *((path, _TOOLS) for path in ("root/.local/bin", "root/bin", "opt/venv/bin", "etc/alternatives")),
    *((path, _LIBRARIES) for path in ("lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib")),
    *((path, _LIBRARIES) for path in ("lib/*-linux-*", "usr/lib/*-linux-*", "usr/local/lib/*-linux-*")),
    *((f"{path}/python3*/*-packages", _HOOKS) for path in ("usr/lib", "usr/local/lib", "root/.local/lib")),
    *((f"{path}/python3*{below}", _ANY) for path in ("usr/lib", "usr/local/lib") for below in ("", "/*")),
    ("", _PYTEST),
    ("etc", re.compile(r"ld\.so\.preload|curlrc|wgetrc")),
    ("root", re.compile(r"\.curlrc|\.wgetrc")),
)


def changed(since: float, root: Path = Path("/")) -> list[str]:
    """Name files that are in the way of tests and were made or changed at `since` or later, in seconds since 1970."""
    found: dict[str, None] = {}
    for path in _candidates(root):
        if _changed(path) >= since - _TICK:
            found[str(path)] = None
        if len(found) >= _MOST:
            break
    return list(found)


def _changed(path: Path) -> float:
    """Return when a file, or a link or what it leads to, was changed; 0 for a folder."""
    with suppress(OSError):
        own = path.lstat().st_ctime
        if not path.is_symlink():
            return 0.0 if path.is_dir() else own
        with suppress(OSError):
            return max(own, path.stat().st_ctime)
        return own
    return 0.0


def _candidates(root: Path) -> Iterator[Path]:
    number = 0
    for pattern, names in _PLACES:
        for folder in sorted(root.glob(pattern)) if pattern else [root]:
            if folder.is_symlink() and folder.name not in ("bin", "sbin", "lib", "lib64"):
                yield folder
            if names is _ANY and folder.name.endswith("-packages"):
                continue  # others' modules, which come and go
            try:
                entries = list(folder.iterdir())
            except OSError:
                continue
            for path in entries:
                number += 1
                if number > _ENTRIES:
                    return
                if names.fullmatch(path.name) and path.name != "__pycache__":
                    yield path
