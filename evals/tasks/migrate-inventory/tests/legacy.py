"""The old files as they were made, read by their FORMAT.txt: what the migration has to bring."""

import csv
import io
import re
import tempfile
from datetime import datetime
from pathlib import Path

from make_legacy import main as make


def _files():
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


class Legacy:
    """Stores and items by their keys, movements by number, and the lines that are rejected with their reasons."""

    def __init__(self):
        files = _files()
        stores = csv.DictReader(io.StringIO(files["stores.csv"].decode("utf-8-sig"), newline=""), delimiter=";")
        self.stores = {row["code"]: row["name"] for row in stores}
        self.items = {}
        for row in csv.DictReader(io.StringIO(files["items.csv"].decode("cp1252"), newline=""), delimiter=";"):
            cents = int(re.sub(r"[.,]", "", row["price"]))
            self.items[row["sku"].strip().upper()] = (row["name"], cents)
        self.movements, self.rejected = {}, []
        for line, text in enumerate(files["movements.log"].decode().splitlines(), 1):
            number, *movement = self.parsed(text)
            if reason := self.reason(number, *movement):
                self.rejected.append((line, reason))
            else:
                self.movements[number] = tuple(movement)

    def parsed(self, text):
        """Number, day (or None), store, SKU and signed quantity of a line."""
        when = text[6:16].strip()
        try:
            day = datetime.strptime(when, "%d.%m.%Y" if len(when) == 10 else "%d.%m.%y").date().isoformat()
        except ValueError:
            day = None
        quantity = int(text[30:35])
        return int(text[:6]), day, text[17:20], text[21:29].strip().upper(), -quantity if text[29] == "A" else quantity

    def reason(self, number, day, store, sku, quantity):
        tests = {
            "number": number in self.movements, "date": day is None, "store": store not in self.stores,
            "sku": sku not in self.items, "quantity": quantity == 0,
        }
        return next((reason for reason, holds in tests.items() if holds), None)

    def apply(self, text):
        """Apply a late file; ValueError where it is to be refused, and then nothing has changed."""
        before = dict(self.movements)
        try:
            for line in text.splitlines():
                if line.startswith("-"):
                    del self.movements[int(line[1:])]
                elif line.startswith("+"):
                    number, *movement = self.parsed(line[1:])
                    if self.reason(number, *movement):
                        raise ValueError(line)
                    self.movements[number] = tuple(movement)
                else:
                    raise ValueError(line)
        except (ValueError, LookupError):
            self.movements = before
            raise ValueError(text) from None
