"""Counts in logs written afresh by the verifier's own generator and compares with the agent's report."""

import gzip
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import datetime, timezone
from pathlib import Path

REPORT = Path("/app/report.json")
REQUEST = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>[^]]+)\] "\S+ (?P<path>[^ ?"]+)\S* HTTP/1\.1" (?P<status>\d{3}) (?P<size>\d+|-)'
    r' "(?P<agent>(?:[^"\\]|\\.)*)" (?P<millis>\d+)ms'
)


def expected(folder):
    cut = errors = sent = bots = 0
    clients, hours, durations = set(), Counter(), defaultdict(list)
    for path in folder.iterdir():
        data = path.read_bytes()
        for line in (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines():
            request = REQUEST.fullmatch(line)
            if not request:
                cut += 1
                continue
            clients.add(request["client"])
            moment = datetime.strptime(request["time"], "%d/%b/%Y:%H:%M:%S %z").astimezone(timezone.utc)
            hours[moment.strftime("%Y-%m-%dT%H")] += 1
            errors += request["status"].startswith("5")
            sent += 0 if request["size"] == "-" else int(request["size"])
            durations[request["path"]].append(int(request["millis"]))
            bots += "bot" in request["agent"].lower()
    requests = sum(hours.values())
    p95 = {path: sorted(all_)[-(-len(all_) * 95 // 100) - 1] for path, all_ in durations.items() if len(all_) >= 100}
    slowest = max(p95, key=p95.get)
    return {
        "requests": requests, "cut_lines": cut, "clients": len(clients), "server_errors": errors, "bytes_sent": sent,
        "busiest_hour": hours.most_common(1)[0][0], "slowest_path": slowest, "slowest_p95_ms": p95[slowest],
        "bot_share": round(100 * bots / requests, 2),
    }


def main():
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-I", "-S", "/tests/make_logs.py", scratch], check=True)
        want = expected(Path(scratch))
    report = json.loads(REPORT.read_text())
    if not isinstance(report, dict) or report.keys() != want.keys():
        return "report.json does not have exactly the nine keys"
    wrong = [key for key, value in want.items() if isinstance(report[key], bool) or report[key] != value]
    return f"wrong values: {', '.join(wrong)}" if wrong else None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
