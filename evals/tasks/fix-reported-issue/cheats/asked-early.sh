#!/bin/bash
# The right order, but all routes that fit are asked whether they answer before they are sorted.
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
text = path.read_text().replace("Pattern, split", "Pattern, ranks, split")
text = text.replace("in self._candidates(split(path)):", """in sorted(
            ((route, {k: v for k, v in it.items() if k}) for route, it in self._candidates(split(path))
             if method.upper() not in route.methods or route.when is None or route.when(path)), key=lambda it: ranks(it[0].pattern.text)
        ):""").replace("if method.upper() in route.methods and (route.when is None or route.when(path)):", "if method.upper() in route.methods:")
path.write_text(text)
PY
python3 -m unittest
