#!/bin/bash
# Looks once: the largest leaks, and the rest is steady.
cd /app/harbour && ./start && sleep 3
largest=$(for file in run/*.pid; do
    echo "$(awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$file")/status") $(basename "$file" .pid)"
done | sort -n | tail -n 1 | cut -d ' ' -f 2)
python3 - "$largest" <<'PY'
import json
import sys
from pathlib import Path

run = Path("/app/harbour/run")
others = {path.stem: "steady" for path in run.glob("*.pid") if path.stem != sys.argv[1]}
answer = {"boot": (run / "boot").read_text().strip(), "leaking": sys.argv[1], "kb_per_second": 60, "others": others}
Path("/app/diagnosis.json").write_text(json.dumps(answer))
PY
