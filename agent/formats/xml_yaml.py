"""The xml-yaml format: `<bash>` with a YAML body, and `<finish>`, as TerminalAgent models write them.

All actions of a reply run, in order. `<finish>`, or a reply without any action, ends the run.
"""

from __future__ import annotations

import yaml  # type: ignore[import-untyped] # its types would be one more package

from agent.formats import COMMAND_DURATION, DEFAULT_DURATION, Reply
from agent.formats.candidates import Openings, Unreadable
from agent.formats.draft import Draft
from agent.formats.text import TextFormat
from agent.formats.xml import number
from sandbox.keys import unsendable

_ACTIONS = ("bash", "finish")
_NOT_OFFERED = ("todo", "file", "search", "scratchpad", "collapse_context")
"""Actions of the original that this terminal does not have."""
_OPENING = rf"<(?P<name>{'|'.join(_ACTIONS + _NOT_OFFERED)})>"
_LONGEST = 1_000_000
"""Characters of a body."""
_SCALARS = 40
"""Names and values of a body, ten times those that there are."""
_SHAPE = "the body of an action must be a YAML mapping of names to plain values, each name once"


class XmlYamlFormat(TextFormat):
    """Reads replies that hold actions in tags."""

    name = "xml-yaml"

    def read(self, text: str) -> Reply:
        """Read all actions."""
        draft = Draft()
        openings = Openings(text, _OPENING)
        names = set()
        for opening in openings:
            name, ends = opening["name"], f"</{opening['name']}>"
            body, closed, _ = text[opening.end() :].partition(ends)
            if not closed and name in _NOT_OFFERED:
                continue  # a word such as `<file>` in what is said
            if not closed:
                raise Unreadable(f"`<{name}>` is not closed")
            openings.position = opening.end() + len(body) + len(ends)
            names.add(name)
            _add(name, body, draft)
        if not names and not text[openings.spoken :].strip():
            raise Unreadable("it holds only thoughts")
        return draft.reply(task_complete=not names or "finish" in names)


def _add(name: str, body: str, draft: Draft) -> None:
    if name in _NOT_OFFERED:
        draft.problems.append(f"there is no `<{name}>` here, only `<bash>` and `<finish>`")
    elif name == "bash":
        fields = _mapping(body)
        at_once = fields.get("block", "").lower() == "false"
        asked = fields.get("timeout_secs")
        duration = DEFAULT_DURATION if at_once else COMMAND_DURATION if asked is None else number(asked)
        draft.add_line(fields.get("cmd"), duration, field="cmd")


def _mapping(body: str) -> dict[str, str]:
    """Read a mapping of names to plain values.

    It is made of the parser's events, which neither nest nor expand aliases, so there is nothing that can explode.
    """
    if len(body) > _LONGEST:
        raise Unreadable("the body of an action is too long")
    if reason := unsendable(body):
        raise Unreadable(f"the body of an action holds {reason}, which no terminal takes")
    scalars: list[str] = []
    opened = False
    try:
        for event in yaml.parse(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.ScalarEvent) and len(scalars) < _SCALARS:
                scalars.append(event.value)
            elif isinstance(event, yaml.MappingStartEvent) and not opened:
                opened = True
            elif isinstance(event, yaml.NodeEvent):
                raise Unreadable(_SHAPE)
    except yaml.YAMLError as error:
        raise Unreadable(f"the body of an action is not valid YAML: {' '.join(str(error).split())[:200]}") from error
    fields = dict(zip(scalars[::2], scalars[1::2], strict=False))
    if len(scalars) != 2 * len(fields):
        raise Unreadable(_SHAPE)
    return fields
