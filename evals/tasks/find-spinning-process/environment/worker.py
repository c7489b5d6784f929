"""One worker of the mill: a thread for each job, and a line in the log when it begins and when it ends."""

import hashlib
import os
import sys
import threading
import time

NAMES = "burner carder dyer idle-watch loom spinner".split()
KINDS = "comb dry hank press reel warp".split()
HOUR = 3600


def called(name):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as file:
        file.write(name)


def busy(seconds):
    """Use the processor for so long; where there is none to be had, give up after three times as long."""
    used, end = time.thread_time() + seconds, time.monotonic() + 3 * seconds
    while time.thread_time() < used and time.monotonic() < end:
        pass


def note(log, text):
    os.write(log, f"{time.clock_gettime(time.CLOCK_BOOTTIME):.3f} {text}\n".encode())


def job(log, title, kind, seconds, load, stays):
    called("job")
    note(log, f"{title} begin {kind}")
    if stays == 2:
        time.sleep(HOUR)
    busy(load)
    time.sleep(seconds)
    note(log, f"{title} end {kind}")
    while stays:
        busy(0.003)
        time.sleep(0.007)


def main(name, boot):
    called(name)
    seeds = {other: hashlib.sha256(f"{boot}/{other}".encode()).digest() for other in NAMES}
    place = sorted(NAMES, key=seeds.get).index(name)
    seed = seeds[name]
    log = os.open("/app/mill/log/jobs.log", os.O_WRONLY | os.O_APPEND)
    number = 1
    if place == 2:
        busy(1.5)
    while number < HOUR:
        a, b, c = hashlib.sha256(seed + number.to_bytes(2, "big")).digest()[:3]
        stays = 2 if number in (2 + seed[1] % 3, 6 + seed[2] % 3) else 0
        if place == 0 and number == 3 + seed[3] % 4:
            stays = 1
        load = 0.25 if place == 1 else 0.005
        arguments = (log, f"{name}-{number:03}", KINDS[a % 6], 0.2 + b / 600, load, stays)
        threading.Thread(target=job, args=arguments, daemon=True).start()
        time.sleep(1.4 + c / 300)
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
