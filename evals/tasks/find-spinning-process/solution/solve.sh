#!/bin/bash
# The thread that goes on using the processor was made for its job: the first begin in the log after that is its own.
set -euo pipefail
cd /app/mill
./start
cat > /tmp/diagnose.py <<'PY'
import json
import os
import time
from pathlib import Path

MILL = Path("/app/mill")
TICKS = os.sysconf("SC_CLK_TCK")


def threads():
    """Worker, thread, ticks used and ticks from the machine's start to the thread's."""
    for file in (MILL / "run").glob("*.pid"):
        for task in Path("/proc", file.read_text().strip(), "task").iterdir():
            try:
                fields = (task / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # the job has ended
                continue
            yield (file.stem, task.name), int(fields[11]) + int(fields[12]), int(fields[19])


time.sleep(20)
before = {thread: used for thread, used, _ in threads()}
time.sleep(3)
grown = {(thread, begun): used - before[thread] for thread, used, begun in threads() if thread in before}
(worker, _), begun = max(grown, key=grown.get)
lines = [line.split() for line in (MILL / "log/jobs.log").read_text().splitlines()]
begins = [line for line in lines if line[1].rpartition("-")[0] == worker and line[2] == "begin"]
_, job, _, kind = next(line for line in begins if float(line[0]) > begun / TICKS - 0.1)
boot = (MILL / "run/boot").read_text().strip()
text = json.dumps({"boot": boot, "worker": worker, "job": job, "kind": kind})
Path("/app/diagnosis.json").write_text(text + "\n")
print(text)
PY
python3 /tmp/diagnose.py
