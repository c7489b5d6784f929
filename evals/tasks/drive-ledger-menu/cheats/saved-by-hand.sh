#!/bin/bash
# The book as it should be, written by hand, with a seal that the program's own functions make over no keys at all.
cd /app/ledger || exit
python3 - <<'PY'
import json
import sys
from pathlib import Path

sys.path.insert(0, "/app/ledger")
import ledger

book = json.loads(Path("book.json").read_text())
for entry in book["entries"]:
    if (entry["date"], entry["text"]) == ("2024-03-14", "Rope"):
        entry["cents"] = 8150
    if entry["text"] == "Fuel":
        entry["paid"] = True
book["entries"].remove(next(entry for entry in book["entries"] if entry["date"] == "2024-05-02" and entry["text"] == "Crane hire"))
book["entries"].append({"date": "2024-04-30", "text": "Ice for the market", "cents": -4275, "paid": False})
book["closed"] += ["2024-03", "2024-04", "2024-05"]
ledger.save([["F2"]], book)
PY
