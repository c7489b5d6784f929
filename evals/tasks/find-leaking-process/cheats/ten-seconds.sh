#!/bin/bash
# Two looks, five seconds apart: what grew most leaks, what grew too levels off, and what shrank is a sawtooth.
cd /app/harbour && ./start && sleep 2
look() {
    for file in run/*.pid; do
        echo "$(basename "$file" .pid) $(awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$file")/status")"
    done
}
look > /tmp/before && sleep 5 && look > /tmp/after
python3 - <<'PY'
import json
from pathlib import Path

before, after = (dict(line.split() for line in Path(f"/tmp/{name}").read_text().splitlines()) for name in ("before", "after"))
grown = {name: int(after[name]) - int(before[name]) for name in before}
leaking = max(grown, key=grown.get)
kinds = {name: "steady" if abs(by) < 100 else "sawtooth" if by < 0 else "levels-off" for name, by in grown.items()}
kinds.pop(leaking)
boot = Path("/app/harbour/run/boot").read_text().strip()
answer = {"boot": boot, "leaking": leaking, "kb_per_second": grown[leaking] / 5, "others": kinds}
Path("/app/diagnosis.json").write_text(json.dumps(answer))
PY
