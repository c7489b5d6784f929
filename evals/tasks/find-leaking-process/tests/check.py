"""Works out from the time of the start what each service did, and compares. Nothing but the diagnosis is read."""

import hashlib
import json
import re
import sys
import time
from pathlib import Path

DIAGNOSIS = Path("/app/diagnosis.json")
NAMES = "berth-planner buoy-relay crane-bridge fog-horn gate-log pilot-desk radar-cache tide-feed".split()
COURSES = ["leak", "sawtooth", "sawtooth", "levels-off", "levels-off", "steady", "steady", "steady"]
OLDEST = 3 * 3600
TOLERANCE = 0.1


class Wrong(Exception):
    """What is wrong with the diagnosis."""


def truth(boot):
    """The course of each service, and the speed of the leak in kB per second."""
    seeds = {name: hashlib.sha256(f"{boot}/{name}".encode()).digest() for name in NAMES}
    courses = dict(zip(sorted(NAMES, key=seeds.get), COURSES))
    leaking = next(name for name, course in courses.items() if course == "leak")
    return leaking, 40 + seeds[leaking][1] % 48, {name: course for name, course in courses.items() if name != leaking}


def main():
    with DIAGNOSIS.open("rb") as file:
        found = json.loads(file.read(100_000))
    if not isinstance(found, dict) or set(found) != {"boot", "leaking", "kb_per_second", "others"}:
        raise Wrong("not an object with exactly the four keys")
    boot = found["boot"]
    if not isinstance(boot, str) or not re.fullmatch(r"[0-9]{10}\.[0-9]{9}", boot):
        raise Wrong(f"boot is {boot!r:.80}, not what run/boot holds")
    if not -600 < time.time() - float(boot) < OLDEST:  # clocks are set now and then
        raise Wrong(f"boot {boot} is not of the last three hours")
    leaking, speed, others = truth(boot)
    if found["leaking"] != leaking:
        raise Wrong(f"leaking is {found['leaking']!r:.80}")
    rate = found["kb_per_second"]
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not abs(rate - speed) <= TOLERANCE * speed:
        raise Wrong(f"kb_per_second is {rate!r:.80}")
    if found["others"] != others:
        raise Wrong(f"others is {found['others']!r:.400}")


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
        sys.exit(1)
    print("PASS")
