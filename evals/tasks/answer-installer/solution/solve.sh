#!/bin/bash
# Talks to the installer through a pseudo-terminal: reads each question, then answers it.
set -euo pipefail
cat > /tmp/talk.py <<'PY'
import os
import pty
import re
import select
import sys


def activation(match):
    first, second, third, factor = map(int, match.groups())
    return str((first + second + third) * factor)


ANSWERS = [
    (r"\[y/N\] $", "y"),
    (r"press Enter --$", ""),
    (r"word of section 7: $", "samphire"),
    (r"letters: $", "harbour"),
    (r"\[1 2 3 4\]: $", "1 3"),
    (r"Port \[8080\]: $", ""),
    (r"\[Y/n\] $", "n"),
    (r"code (\d+)-(\d+)-(\d+): .* times (\d+)\? $", activation),
    (r"not shown\): $", "copper kettle 52"),
    (r"same again: $", "copper kettle 52"),
    (r"in capitals: $", "HARBOUR"),
]

pid, terminal = pty.fork()
if pid == 0:
    os.execvp("python3", ["python3", "/app/installer/install.py"])
seen = ""
while True:
    ready, _, _ = select.select([terminal], [], [], 20)
    try:
        data = os.read(terminal, 65536).decode() if ready else ""
    except OSError:  # the installer has ended
        data = ""
    if not data:
        break
    sys.stdout.write(data)
    seen += data
    for pattern, answer in ANSWERS:
        match = re.search(pattern, seen)
        if match:
            text = answer if isinstance(answer, str) else answer(match)
            os.write(terminal, text.encode() + b"\r")
            seen = ""
            break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
python3 /tmp/talk.py
