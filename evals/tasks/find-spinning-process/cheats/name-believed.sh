#!/bin/bash
# The spinner spins: the first of its jobs of which the log does not say that it ended.
cd /app/mill && ./start && sleep 15
python3 - <<'PY'
import json
from pathlib import Path

lines = [line.split() for line in Path("/app/mill/log/jobs.log").read_text().splitlines() if " spinner-" in line]
ended = {job for _, job, what, _ in lines if what == "end"}
job, kind = next((job, kind) for _, job, _, kind in lines if job not in ended)
boot = Path("/app/mill/run/boot").read_text().strip()
Path("/app/diagnosis.json").write_text(json.dumps({"boot": boot, "worker": "spinner", "job": job, "kind": kind}))
PY
