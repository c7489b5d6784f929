#!/bin/bash
# Everything in its place, as copies with the time of now.
cat > /tmp/tidy.py <<'PY'
import os, re, shutil, time
os.chdir(b"/app/photos")
TYPES = {b"\xff\xd8\xff": b".jpg", b"\x89PNG\r\n\x1a\n": b".png", b"GIF87a": b".gif", b"GIF89a": b".gif"}
paths = [os.path.join(folder, name) for folder, _, names in os.walk(b"inbox") for name in names]
seen = set()
for path in sorted(paths, key=lambda path: (os.stat(path).st_mtime, path)):
    data = open(path, "rb").read()
    extension = next((type for head, type in TYPES.items() if data.startswith(head)), None)
    if extension is None:
        target = b"other/" + path[6:]
    elif data in seen:
        continue
    else:
        seen.add(data)
        name = os.path.basename(path)
        name = name[: name.rfind(b".")] if name.rfind(b".") > 0 else name
        name = re.sub(rb"[^a-z0-9]+", b"-", name.lower()).strip(b"-") or b"photo"
        base = time.strftime("sorted/%Y/%m/", time.gmtime(os.stat(path).st_mtime)).encode() + name
        number, target = 1, base + extension
        while os.path.exists(target):
            number += 1
            target = base + b"-%d" % number + extension
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(path, target)
PY
python3 /tmp/tidy.py
find /app/photos/inbox -mindepth 1 -delete
