#!/bin/bash
# The right worker, and of its jobs the last one of which the log does not say that it ended.
cd /app/mill && ./start && sleep 22
python3 - <<'PY'
import json
import time
from pathlib import Path

MILL = Path("/app/mill")


def used(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


pids = {file.stem: file.read_text().strip() for file in (MILL / "run").glob("*.pid")}
before = {name: used(pid) for name, pid in pids.items()}
time.sleep(3)
worker = max(pids, key=lambda name: used(pids[name]) - before[name])
lines = [line.split() for line in (MILL / "log/jobs.log").read_text().splitlines() if f" {worker}-" in line]
ended = {job for _, job, what, _ in lines if what == "end"}
job, kind = [(job, kind) for _, job, _, kind in lines if job not in ended][-1]
boot = (MILL / "run/boot").read_text().strip()
Path("/app/diagnosis.json").write_text(json.dumps({"boot": boot, "worker": worker, "job": job, "kind": kind}))
PY
