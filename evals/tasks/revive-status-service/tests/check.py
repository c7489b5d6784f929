"""Asks the running service about stations that the verifier itself just added, and looks at the process behind the port."""

import csv
import json
import os
import random
import string
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

APP = Path("/app/status")
DATA = APP / "data/stations.csv"
PORT = 8765


class Wrong(Exception):
    """What is wrong with the service."""


def ask(method, path, body=None):
    connection = HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def want(method, path, expected, body=None, status=200):
    found = ask(method, path, body)
    if found != (status, expected):
        raise Wrong(f"{method} {path} answers {found}, should be {(status, expected)}")


def listening():
    """Address and process of everything that listens on the port."""
    inodes = {}
    for table in ["tcp", "tcp6"]:
        path = Path("/proc/net", table)
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and int(port, 16) == PORT:
                inodes[f"socket:[{fields[9]}]"] = address
    owners = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = {os.readlink(link) for link in (process / "fd").iterdir()}
        except OSError:  # it has ended, or is not ours to look into
            continue
        owners.update((inodes[link], int(process.name)) for link in links if link in inodes)
    return set(inodes.values()), owners


def check_process():
    addresses, owners = listening()
    if addresses != {"0100007F"}:
        raise Wrong(f"listening addresses (hexadecimal) are {sorted(addresses)}, should be 127.0.0.1 only")
    pids = {pid for _, pid in owners}
    pidfile = APP / "run/status.pid"
    if len(pids) != 1 or pidfile.read_text().strip() != str(*pids):
        raise Wrong(f"run/status.pid does not name the process behind the port, {sorted(pids)}")
    process = Path("/proc", str(*pids))
    words = (process / "cmdline").read_bytes().split(b"\0")
    here = Path(os.readlink(process / "cwd"))
    scripts = [word.decode() for word in words[1:] if word.endswith(b".py")]
    if not scripts or (here / scripts[0]).resolve() != APP / "server.py" or b"python" not in words[0]:
        raise Wrong(f"behind the port is {words}, not server.py")
    if (APP / "server.py").read_bytes() != Path("/tests/server.py").read_bytes():
        raise Wrong("server.py was changed")


def state(level):
    return "low" if level < 140 else "high" if level > 620 else "normal"


def check_answers():
    original = DATA.read_bytes()
    if original != Path("/tests/stations.csv").read_bytes():
        raise Wrong("stations.csv was changed")
    rows = list(csv.DictReader(original.decode().splitlines(), delimiter=";"))
    known = {row["id"]: (row["name"], int(row["level_cm"])) for row in rows}
    for _ in range(5):
        new = "".join(random.choices(string.ascii_uppercase, k=5))
        known[new] = (f"{new.title()}, {random.choice(['east', 'west'])} gate", random.randint(1, 990))
    try:
        text = "id;name;level_cm;gauge\n" + "".join(f"{id_};{name};{level};1,5\n" for id_, (name, level) in known.items())
        DATA.write_text(text, encoding="utf-8")
        full = {
            id_: {"id": id_, "name": name, "level_cm": level, "state": state(level)} for id_, (name, level) in known.items()
        }
        want("GET", "/health", {"status": "ok", "stations": len(known)})
        for id_ in [*list(known)[-5:], *random.sample(list(known), 4)]:
            want("GET", f"/v1/stations/{id_}", full[id_])
        count = random.randint(2, 9)
        highest = sorted(full.values(), key=lambda station: (-station["level_cm"], station["id"]))[:count]
        want("GET", f"/v1/highest?count={count}", highest)
        some = random.sample(list(known), 6)
        mean = round(sum(known[id_][1] for id_ in some) / 6, 1)
        want("POST", "/v1/mean", {"mean_cm": mean}, body=some)
        want("GET", "/v1/stations/nowhere", {"error": "not found"}, status=404)
    finally:
        DATA.write_bytes(original)


def wait_for_service(seconds=3):
    deadline = time.monotonic() + seconds
    while not listening()[0]:
        if time.monotonic() > deadline:
            raise Wrong(f"nothing listens on port {PORT}")
        time.sleep(0.05)


if __name__ == "__main__":
    try:
        wait_for_service()
        check_process()
        check_answers()
        check_process()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
        sys.exit(1)
    print("PASS")
