"""Serves the water levels of the stations: python3 server.py [config.ini]

    GET /health                     {"status": "ok", "stations": <how many>}
    GET /v1/stations/<id>           {"id": ..., "name": ..., "level_cm": ..., "state": "low" | "normal" | "high"}
    GET /v1/highest?count=<n>       the n highest stations, highest first
    POST /v1/mean  ["<id>", ...]    {"mean_cm": <mean level, one decimal>}

The data file is read anew for every request.
"""

import atexit
import configparser
import csv
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


def stop(message):
    sys.exit(f"status: {message}")


class Config:
    def __init__(self, path):
        parser = configparser.ConfigParser(interpolation=None)
        if not parser.read(path):
            stop(f"cannot read {path}")
        try:
            self.bind = parser.get("server", "bind")
            self.port = parser.getint("server", "port")
            self.pidfile = Path(parser.get("server", "pidfile"))
            self.stations = Path(parser.get("data", "stations"))
            self.delimiter = parser.get("data", "delimiter")
            self.low, self.high = parser.getint("levels", "low"), parser.getint("levels", "high")
        except (configparser.Error, ValueError) as error:
            stop(f"{path}: {error}")
        if not self.stations.is_file():
            stop(f"{path}: stations: no such file: {self.stations}")
        if self.low >= self.high:
            stop(f"{path}: levels: low must be less than high")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def stations(self):
        config = self.server.config
        with config.stations.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=config.delimiter):
                level = int(row["level_cm"])
                state = "low" if level < config.low else "high" if level > config.high else "normal"
                yield {"id": row["id"], "name": row["name"], "level_cm": level, "state": state}

    def reply(self, status, value):
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, body=None):
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        try:
            stations = list(self.stations())
        except (KeyError, TypeError, ValueError) as error:
            return self.reply(500, {"error": f"stations cannot be read: {error!r}"})
        if body is not None and parts == ["v1", "mean"]:
            levels = [station["level_cm"] for station in stations if station["id"] in body]
            return self.reply(200, {"mean_cm": round(sum(levels) / len(levels), 1)} if levels else {"mean_cm": None})
        if body is None and parts == ["health"]:
            return self.reply(200, {"status": "ok", "stations": len(stations)})
        if body is None and parts == ["v1", "highest"]:
            count = int(parse_qs(url.query).get("count", ["1"])[0])
            return self.reply(200, sorted(stations, key=lambda s: (-s["level_cm"], s["id"]))[:count])
        if body is None and parts[:2] == ["v1", "stations"] and len(parts) == 3:
            for station in stations:
                if station["id"] == parts[2]:
                    return self.reply(200, station)
        return self.reply(404, {"error": "not found"})

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0)))))


def main():
    config = Config(sys.argv[1] if len(sys.argv) > 1 else "config.ini")
    try:
        handle = os.open(config.pidfile, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        stop(f"already running: {config.pidfile} exists, with process {config.pidfile.read_text().strip()}")
    except OSError as error:
        stop(f"pidfile: {error}")
    os.write(handle, f"{os.getpid()}\n".encode())
    os.close(handle)
    atexit.register(config.pidfile.unlink, missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = ThreadingHTTPServer((config.bind, config.port), Handler)
    except (OSError, OverflowError) as error:
        stop(f"cannot listen on {config.bind} port {config.port}: {error}")
    server.config = config
    print(f"status: listening on {config.bind} port {config.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
