#!/bin/bash
# A candidate carries the ranks of its whole pattern, and match sorts the candidates; the routers stay in the order they were filled in.
set -euo pipefail
cd /app/waymark
cat > /tmp/change.py <<'PY'
from pathlib import Path


def change(path, *changes):
    text = Path(path).read_text()
    for old, new in changes:
        assert text.count(old) == 1, (path, old)
        text = text.replace(old, new)
    Path(path).write_text(text)


change(
    "waymark/pattern.py",
    (
        "        self._text = text\n",
        "        self._text = text\n"
        '        fixed = len(_PARAMETER.sub("", text))\n'
        "        lone = list(self.parameters.values()) if len(self.parameters) == 1 else []\n"
        "        kind = (1 if fixed else 2 if lone == ['int'] else 3) if self.parameters else 0\n"
        "        self.rank = (kind, -fixed if kind == 1 else 0)\n"
        '        """Smaller is more specific."""\n',
    ),
    (
        "    @property\n    def parameters(self):\n",
        "    @property\n    def ranks(self):\n"
        "        return tuple(segment.rank for segment in self.segments) + (((4, 0),) if self.rest else ())\n\n"
        "    @property\n    def parameters(self):\n",
    ),
)
change(
    "waymark/routing.py",
    (
        "        for route, parameters in self._candidates(split(path)):\n",
        "        for _, route, parameters in sorted(self._candidates(split(path)), key=lambda candidate: candidate[0]):\n",
    ),
    (
        "                for route, inner in entry.router._candidates(left) if left else ():\n"
        "                    yield route, {**parameters, **inner}\n",
        "                for ranks, route, inner in entry.router._candidates(left) if left else ():\n"
        "                    yield entry.pattern.ranks + ranks, route, {**parameters, **inner}\n",
    ),
    ("                yield entry, parameters\n", "                yield entry.pattern.ranks, entry, parameters\n"),
)
change(
    "README.md",
    (
        "Of the routes that fit, the one that was added first answers; those of a mounted router\n"
        "come in their own order, where it was mounted.",
        "Of the routes that fit, the most specific one answers, and of equals the one that was\n"
        "added first; those of a mounted router come in their own order, where it was mounted.",
    ),
)
PY
python3 /tmp/change.py
python3 -m unittest
