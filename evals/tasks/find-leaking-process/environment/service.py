"""One service of the harbour: its memory follows a course that its name and the time of the start decide."""

import hashlib
import mmap
import os
import sys
import time

NAMES = "berth-planner buoy-relay crane-bridge fog-horn gate-log pilot-desk radar-cache tide-feed".split()
HOUR, TICK = 3600, 0.25


def main(name, boot):
    begun = time.monotonic()
    seeds = {other: hashlib.sha256(f"{boot}/{other}".encode()).digest() for other in NAMES}
    place = sorted(NAMES, key=seeds.get).index(name)
    a, b, c = seeds[name][:3]
    base = 4 * (a % 16) * 128
    speed, period, limit, reserve = 0, HOUR, HOUR, 0
    if place == 0:
        speed = 40 + b % 48
    elif place <= 2:
        speed, period = 200 + b % 200, 5 + c % 4
    elif place <= 4:
        speed, limit = 150 + b % 150, 12 + c % 6
    elif place == 5:
        base += 30 * 1024
    elif place == 6:
        reserve = 700 + b
    held, size, untouched = [], 0, []  # shared maps: private ones may grow by whole huge pages
    while (passed := time.monotonic() - begun) < HOUR:
        wanted = base + int(speed * min(passed % period, limit))
        if wanted < size:
            for block in held[1:]:
                block.close()
            del held[1:]
            size = base
        if (pages := (wanted - size) // 4) > 0:
            block = mmap.mmap(-1, pages * 4096)
            for at in range(0, pages * 4096, 4096):
                block[at] = 1
            held.append(block)
            size += pages * 4
        elif not held:
            held.append(mmap.mmap(-1, 4096))
        if reserve:
            untouched.append(mmap.mmap(-1, int(reserve * TICK) * 1024))
            del untouched[:-2000]
        time.sleep(TICK)


if __name__ == "__main__":
    os.chdir("/")
    main(*sys.argv[1:])
