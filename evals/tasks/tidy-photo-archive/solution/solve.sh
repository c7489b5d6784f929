#!/bin/bash
set -euo pipefail
cat > /tmp/tidy.py <<'PY'
import hashlib
import os
import re
import shutil
from datetime import datetime, timezone

os.chdir(b"/app/photos")
files = []
for folder, _, names in os.walk(b"inbox"):
    for name in names:
        path = os.path.join(folder, name)
        files.append((os.stat(path).st_mtime_ns, os.path.relpath(path, b"inbox"), path))

seen = set()
for when, below, path in sorted(files):
    with open(path, "rb") as file:
        data = file.read()
    match = re.match(rb"(?P<jpg>\xff\xd8\xff)|(?P<png>\x89PNG\r\n\x1a\n)|(?P<gif>GIF8[79]a)", data)
    if not match:
        target = os.path.join(b"other", below)
    else:
        digest = hashlib.sha256(data).digest()
        if digest in seen:
            os.remove(path)
            continue
        seen.add(digest)
        name = os.path.basename(path)
        if name.rfind(b".") > 0:
            name = name[: name.rfind(b".")]
        name = re.sub(rb"[^a-z0-9]+", b"-", name.lower()).strip(b"-") or b"photo"
        folder = datetime.fromtimestamp(when // 10**9, timezone.utc).strftime("sorted/%Y/%m").encode()
        extension = b"." + match.lastgroup.encode()
        target = os.path.join(folder, name + extension)
        number = 2
        while os.path.lexists(target):
            target = os.path.join(folder, name + b"-%d" % number + extension)
            number += 1
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.move(path, target)

for folder, _, _ in os.walk(b"inbox", topdown=False):
    if folder != b"inbox":
        os.rmdir(folder)
PY
python3 /tmp/tidy.py
find /app/photos | sort | cat -A
