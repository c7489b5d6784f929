"""One HTML file: templates filled in, with its styles and its script inside, and a policy that lets nothing else run.

Text of models and sandboxes passes three doors on its way: secrets are taken out and controls are made visible, then it
is escaped as text, and the policy forbids all scripts and styles but ours, by their hashes, and all loading.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from sandbox.redaction import Redaction

_FOLDER = Path(__file__).parent / "templates"
_PICTURES = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_redaction = Redaction()


def page(template: str, /, **values: object) -> str:
    """Fill in ``<template>.html`` with the styles and the script of that name."""
    style = _source("page.css") + _source(f"{template}.css")
    script = _source(f"{template}.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    frame = {"policy": policy, "style": Markup(style), "script": Markup(script)}  # noqa: S704 - our own files
    return _templates().get_template(f"{template}.html").render(**frame, **values)


def visible(value: object) -> object:
    """Take secrets out of a text, and show its controls as signs: they hide and reorder what stands around them."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = _redaction.text(value).replace("\r\n", "\n")
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text.translate(_PICTURES)
    )


@functools.cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"amount": amount, "dollars": dollars, "seconds": seconds, "percent": percent}
    return templates


@functools.cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def amount(number: float | None) -> str:
    """Write a count."""
    return "unknown" if number is None else f"{number:,.0f}"


def dollars(cost: float | None) -> str:
    """Write US dollars, small ones to the hundredth of a cent."""
    return "unknown" if cost is None else f"${cost:,.2f}" if cost >= 1 or cost == 0 else f"${cost:.4f}"


def seconds(time: float | None) -> str:
    """Write a duration."""
    if time is None:
        return "unknown"
    if time < 1:
        return f"{1000 * time:.0f} ms"
    if time < 120:  # noqa: PLR2004 - two minutes are still read as seconds
        return f"{time:.1f} s"
    minutes, rest = divmod(round(time), 60)
    return f"{minutes} min {rest:02} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"  # noqa: PLR2004


def percent(share: float | None) -> str:
    """Write a share of 1."""
    return "unknown" if share is None else f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"
