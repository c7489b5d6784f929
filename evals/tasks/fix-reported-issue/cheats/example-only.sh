#!/bin/bash
# What the issue shows and no more: a route without parameters that is exactly the path answers first.
cd /app/waymark || exit
python3 - <<'PY'
from pathlib import Path

path = Path("waymark/routing.py")
text = path.read_text()
text = text.replace("        allowed = set()\n", """\
        for entry in self._entries:
            if entry.pattern.text == path and isinstance(entry, _Route) and method.upper() in entry.methods:
                return Match(entry.handler, {})
        allowed = set()
""")
path.write_text(text)
PY
python3 -m unittest
