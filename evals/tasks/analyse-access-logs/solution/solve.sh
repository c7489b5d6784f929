#!/bin/bash
set -euo pipefail
cat > /tmp/report.py <<'PY'
import json
import math
import re
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone

LINE = re.compile(r'^(\S+) - - \[(.*?)\] "\S+ (\S+) HTTP/[\d.]+" (\d{3}) (\d+|-) "(.*)" (\d+)ms$')
hours, durations, clients = Counter(), defaultdict(list), set()
cut = errors = sent = bots = 0
for line in sys.stdin:
    match = LINE.match(line.rstrip("\n"))
    if match is None:
        cut += 1
        continue
    client, stamp, target, status, size, agent, millis = match.groups()
    clients.add(client)
    moment = datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z").astimezone(timezone.utc)
    hours[moment.strftime("%Y-%m-%dT%H")] += 1
    errors += 500 <= int(status) <= 599
    sent += int(size) if size != "-" else 0
    durations[target.split("?")[0]].append(int(millis))
    bots += "bot" in agent.lower()

requests = sum(hours.values())
p95 = {p: sorted(d)[math.ceil(95 * len(d) / 100) - 1] for p, d in durations.items() if len(d) >= 100}
slowest = max(p95, key=p95.get)
report = {
    "requests": requests,
    "cut_lines": cut,
    "clients": len(clients),
    "server_errors": errors,
    "bytes_sent": sent,
    "busiest_hour": max(hours, key=hours.get),
    "slowest_path": slowest,
    "slowest_p95_ms": p95[slowest],
    "bot_share": round(bots / requests * 100, 2),
}
with open("/app/report.json", "w") as file:
    json.dump(report, file, indent=2)
print(json.dumps(report, indent=2))
print(p95, hours.most_common(3), file=sys.stderr)
PY
cd /app/logs
{ zcat ./*.gz; cat ./*.log.1 ./*.log; } | python3 /tmp/report.py
