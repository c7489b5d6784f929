#!/bin/bash
# Samples the resident memory of each service for 26 seconds from its start, and tells the courses apart.
set -euo pipefail
cd /app/harbour
./start
sleep 1
for _ in $(seq 50); do
    for file in run/*.pid; do
        name=$(basename "$file" .pid)
        echo "$name $(cut -d ' ' -f 1 /proc/uptime) $(awk '/^VmRSS/ { print $2 }' "/proc/$(cat "$file")/status")"
    done
    sleep 0.5
done > /tmp/samples.txt
cat > /tmp/diagnose.py <<'PY'
import json
from collections import defaultdict
from pathlib import Path

series = defaultdict(list)
for line in Path("/tmp/samples.txt").read_text().splitlines():
    name, moment, size = line.split()
    series[name].append((float(moment), int(size)))
others, leaks = {}, {}
for name, points in series.items():
    sizes = [size for _, size in points]
    late = [point for point in points if point[0] > points[-1][0] - 5]
    if max(sizes) - min(sizes) < 300:
        others[name] = "steady"
    elif any(after < before - 300 for before, after in zip(sizes, sizes[1:])):
        others[name] = "sawtooth"
    elif late[-1][1] - late[0][1] < 60:
        others[name] = "levels-off"
    else:
        leaks[name] = (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])
((leaking, rate),) = leaks.items()
boot = Path("/app/harbour/run/boot").read_text().strip()
text = json.dumps({"boot": boot, "leaking": leaking, "kb_per_second": round(rate, 1), "others": others}, indent=2)
Path("/app/diagnosis.json").write_text(text + "\n")
print(text)
PY
python3 /tmp/diagnose.py
