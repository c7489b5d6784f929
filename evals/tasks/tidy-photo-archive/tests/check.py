"""Sorts the inbox as it was and compares with what the agent made of it."""

import os
import re
import sys
import time

sys.path.insert(0, "/tests")
import make_inbox  # noqa: E402 - with -I, the verifier's own folder is named first

PHOTOS = b"/app/photos"
TYPES = [(b"\xff\xd8\xff", b"jpg"), (b"\x89PNG\r\n\x1a\n", b"png"), (b"GIF87a", b"gif"), (b"GIF89a", b"gif")]


def type_of(data):
    return next((name for head, name in TYPES if data.startswith(head)), None)


def cleaned(path):
    name = os.path.splitext(os.path.basename(path))[0] if not path.endswith(b".") else os.path.basename(path)[:-1]
    return re.sub(rb"[^a-z0-9]+", b"-", name.lower()).strip(b"-") or b"photo"


def expected():
    """Path below /app/photos -> content and modification time."""
    sorted_files, kept = {}, set()
    for seconds, path, data in sorted((seconds, path, data) for path, data, seconds in make_inbox.files()):
        kind = type_of(data)
        if not kind:
            sorted_files[b"other/" + path] = (data, seconds)
        elif data not in kept:
            kept.add(data)
            folder = time.strftime("sorted/%Y/%m/", time.gmtime(seconds)).encode()
            number, target = 1, folder + cleaned(path) + b"." + kind
            while target in sorted_files:
                number += 1
                target = folder + cleaned(path) + b"-%d." % number + kind
            sorted_files[target] = (data, seconds)
    return sorted_files


def found():
    files = {}
    for top in (b"sorted", b"other"):
        for folder, folders, names in os.walk(os.path.join(PHOTOS, top)):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            for name in names + links:
                path = os.path.join(folder, name)
                real = os.path.isfile(path) and not os.path.islink(path)
                key = os.path.relpath(path, PHOTOS)
                if not real or os.path.getsize(path) > 100_000:
                    files[key] = None
                    continue
                with open(path, "rb") as file:
                    files[key] = (file.read(), int(os.stat(path).st_mtime))
    return files


def main():
    inbox = os.path.join(PHOTOS, b"inbox")
    if os.path.islink(inbox) or not os.path.isdir(inbox) or os.listdir(inbox):
        return "inbox is not an empty folder"
    want, have = expected(), found()
    if missing := sorted(want.keys() - have.keys()):
        return f"{len(missing)} missing, such as {missing[0]!r}"
    if more := sorted(have.keys() - want.keys()):
        return f"{len(more)} too many, such as {more[0]!r}"
    for path, (data, seconds) in want.items():
        if have[path] is None or have[path][0] != data:
            return f"{path!r} has another content"
        if have[path][1] != seconds:
            return f"{path!r} has another modification time"
    return None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
