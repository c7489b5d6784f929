"""Classes and functions of the user's own, named on the command line as ``module:name``."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def resolve(name: str) -> Any:  # noqa: ANN401 - whatever the user wrote
    """Import what is named; a user's module lies where the user is.

    Raises:
        ValueError, ImportError, AttributeError: there is no such thing.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    with contextlib.redirect_stdout(sys.stderr):  # standard output may be for events alone
        return pkgutil.resolve_name(name)


def digest(name: str) -> str:
    """Return the SHA-256 of the module that is named, or of all modules of the package that it is in.

    What it imports from elsewhere is not looked at. Empty where there is no file.
    """
    file = getattr(resolve(name.partition(":")[0]), "__file__", None)
    if not file:
        return ""
    path = Path(file)
    hashed = hashlib.sha256()
    for one in sorted(_modules(path.parent)) if (path.parent / "__init__.py").is_file() else [path]:
        hashed.update(os.fsencode(one.relative_to(path.parent)) + b"\0" + one.read_bytes() + b"\0")
    return hashed.hexdigest()


def _modules(package: Path) -> Iterator[Path]:
    """Return the modules of a package and of those in it; other folders may hold anything."""
    for path in package.iterdir():
        if path.is_dir() and (path / "__init__.py").is_file():
            yield from _modules(path)
        elif path.suffix == ".py" and path.stem.isidentifier() and path.is_file():
            yield path
