"""Every word the model reads, as Markdown templates beside this file. Imports nothing of ours."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import jinja2

_FOLDER = Path(__file__).parent


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown for a model, not HTML for a browser
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(name: str, **values: object) -> str:
    """Fill in the template ``<name>.md``, or ``<last part of name>.md`` where a format has no words of its own for it.

    A value that the template needs and does not get is an error.
    """
    return _templates().select_template([f"{name}.md", f"{Path(name).name}.md"]).render(values).strip()


def folders() -> list[str]:
    """Name the formats that have words of their own."""
    return sorted(path.name for path in _FOLDER.iterdir() if any(path.glob("*.md")))


def digest() -> str:
    """Return a hash over all templates, as results of different words are not comparable."""
    hashed = hashlib.sha256()
    for path in sorted(_FOLDER.rglob("*.md")):
        hashed.update(f"{path.relative_to(_FOLDER)}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()
