#!/bin/bash
# Keeps the entries sorted as they are added: the order in which they were added is lost to routes and url.
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
sed -i -e 's/import Pattern, split/import Pattern, ranks, split/' \
    -e 's/^\( *\)self._entries.append(.*/&\n\1self._entries.sort(key=lambda entry: ranks(entry.pattern.text))/' waymark/routing.py
python3 -m unittest
