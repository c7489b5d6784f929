"""Classes and functions of the user's own, named on the command line as ``module:name``."""

from __future__ import annotations

import hashlib
import pkgutil
import sys
from pathlib import Path
from typing import Any


def resolve(name: str) -> Any:  # noqa: ANN401 - whatever the user wrote
    """Import what is named; a user's module lies where the user is.

    Raises:
        ValueError, ImportError, AttributeError: there is no such thing.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return pkgutil.resolve_name(name)


def is_own(name: str | None) -> bool:
    """Whether this names something of the user's and not one of ours."""
    return name is not None and ":" in name


def digest(name: str) -> str:
    """Return the SHA-256 of the module that is named, or of all Python files of the package that it is in.

    What it imports from elsewhere is not looked at. Empty where there is no file.
    """
    file = getattr(resolve(name.partition(":")[0]), "__file__", None)
    if not file:
        return ""
    path = Path(file)
    files = sorted(path.parent.rglob("*.py")) if (path.parent / "__init__.py").exists() else [path]
    hashed = hashlib.sha256()
    for one in files:
        hashed.update(f"{one.relative_to(path.parent)}\0".encode() + one.read_bytes() + b"\0")
    return hashed.hexdigest()
