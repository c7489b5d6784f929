#!/bin/bash
# Takes whatever the search finds first, without a look at the screen.
set -euo pipefail
cat > /tmp/drive.py <<'PY'
import os
import pty
import select
import struct
import sys
import fcntl
import termios

F2 = "\x1bOQ"


keys = []
for _ in range(6):
    keys += ["/", "Fuel", "\r", " "]
keys += ["/", "Rope", "\r", "e", "\t", "\t", "\x15", "81.50", "\r", "/", "Crane", "\r", "d", "y", "\r"]
keys += ["n", "2024-04-30", "\t", "Ice for the market", "\t", "-42.75", "\r"]
keys += ["c", "03", "\r", "c", "04", "\r", "c", "05", "\r", F2, "q"]

pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("python3", ["python3", "/app/ledger/ledger.py"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))


def drawn(seconds):
    """Wait until the program has drawn, or has ended."""
    while select.select([terminal], [], [], seconds)[0]:
        try:
            if not os.read(terminal, 65536):
                return False
        except OSError:
            return False
        seconds = 0.005
    return True


drawn(10)
for key in keys:
    os.write(terminal, key.encode())
    if not drawn(0.5):
        break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
python3 /tmp/drive.py
