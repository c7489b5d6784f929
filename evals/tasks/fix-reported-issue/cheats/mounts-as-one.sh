#!/bin/bash
# Tries each router's own entries in the new order, a mounted router as one of them.
cd /app/waymark || exit
cat >> waymark/pattern.py <<'PY'


def ranks(text):
    found = []
    for segment in text[1:].split("/"):
        kinds = [kind for kind, _ in _PARAMETER.findall(segment)]
        fixed = len(_PARAMETER.sub("", segment))
        found.append((1, -fixed) if kinds and fixed else ({"int": 2, "path": 4}.get(kinds[0], 3) if len(kinds) == 1 else 3 if kinds else 0, 0))
    return found
PY
python3 - <<'PY'
from pathlib import Path

path = Path("waymark/routing.py")
before, candidates, after = path.read_text().replace("Pattern, split", "Pattern, ranks, split").partition("    def _candidates")
after = after.replace("in self._entries:", "in sorted(self._entries, key=lambda entry: ranks(entry.pattern.text)):", 1)
path.write_text(before + candidates + after)
PY
python3 -m unittest
