"""Writes the access logs of two machines, the same every time: make_logs.py <folder>

The verifier has an identical copy and counts in logs that it writes itself.
"""

import gzip
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random

START = datetime(2025, 3, 11, 22, 0, tzinfo=timezone.utc)
PATHS = [  # path, weight, usual milliseconds, how wide they spread
    ("/", 30, 18, 1.3), ("/search", 18, 95, 1.9), ("/api/v1/departures", 22, 40, 1.6), ("/api/v1/tickets", 7, 140, 2.4),
    ("/api/v1/seats", 6, 160, 1.7), ("/static/app.js", 12, 3, 1.2), ("/timetable", 9, 60, 1.5), ("/login", 4, 210, 1.4),
    ("/admin/export", 0.4, 2400, 1.8), ("/healthz", 8, 1, 1.1),
]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15",
    "curl/8.5.0",
    "Ferry-App/3.1 (\\\"Kiosk\\\" 12)",
    "Mozilla/5.0 (compatible; harbourbot/2.0; +https://bots.example/harbour)",
    "-",
]


def pick(random, weighted):
    """One of (item, weight, ...) by weight; only random.random(), so that every Python draws the same."""
    point = random.random() * sum(entry[1] for entry in weighted)
    for entry in weighted:
        point -= entry[1]
        if point < 0:
            break
    return entry


def below(random, limit):
    return int(random.random() * limit)


def line(random, moment, zone, clients):
    path, _, usual, spread = pick(random, PATHS)
    millis = max(1, round(usual * spread ** (random.random() * 4 - 1.5)))
    evening = 16 <= moment.hour < 19
    bad = 0.05 if path == "/api/v1/tickets" and evening else 0.008
    chance = random.random()
    status = 200
    if chance < bad:
        status = (500, 502, 503, 504)[below(random, 4)]
    elif chance < bad + 0.05:
        status = (301, 302, 304, 400, 404, 404, 404, 429, 499)[below(random, 9)]
    size = "-" if status in (304, 499) else str(120 + below(random, 48000))
    query = ""
    if path == "/search":
        query = f"?q={('oslo', 'kiel', 'turku+500', 'sm%C3%B8gen')[below(random, 4)]}&page={1 + below(random, 30)}"
    elif path.startswith("/api"):
        query = f"?day={1 + below(random, 28)}" if random.random() < 0.7 else ""
    method = "POST" if path in ("/login", "/api/v1/tickets") and random.random() < 0.8 else "GET"
    client = clients[int(len(clients) * random.random() ** 2)]
    agent = AGENTS[int(len(AGENTS) * random.random() ** 1.4)]
    stamp = moment.astimezone(zone).strftime("%d/%b/%Y:%H:%M:%S %z")
    return f'{client} - - [{stamp}] "{method} {path}{query} HTTP/1.1" {status} {size} "{agent}" {millis}ms'


def main(folder):
    random = Random(20250312)
    clients = [f"10.{below(random, 8)}.{below(random, 256)}.{1 + below(random, 254)}" for _ in range(700)]
    clients += [f"2001:db8:{below(random, 65536):x}::{1 + below(random, 65535):x}" for _ in range(180)]
    clients.sort(key=lambda _: random.random())
    folder.mkdir(parents=True, exist_ok=True)
    for machine, zone, rate in (
        ("quay-1", timezone.utc, 1.0), ("quay-2", timezone(timedelta(hours=2)), 1.35),
    ):
        moment = START
        parts = [[], [], []]
        for _ in range(5200):
            busy = 3.6 if 15 <= moment.hour < 17 else 1.6 if 6 <= moment.hour < 21 else 0.45
            moment += timedelta(seconds=random.random() * 34 / busy / rate)
            text = line(random, moment, zone, clients)
            if random.random() < 0.004:
                text = text[: 20 + below(random, len(text) - 30)]  # cut short when the disk was full
            age = (moment - START) / timedelta(hours=6.5)
            parts[min(2, int(age))].append(text)
        for name, lines in zip((".log.2.gz", ".log.1", ".log"), parts):
            data = "".join(text + "\n" for text in lines).encode()
            path = folder / f"{machine}{name}"
            path.write_bytes(gzip.compress(data, mtime=0) if name.endswith("gz") else data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
