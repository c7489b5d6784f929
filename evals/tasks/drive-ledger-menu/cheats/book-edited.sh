#!/bin/bash
# The book is edited in its file first; the program only has to save it.
cd /app/ledger || exit
python3 - <<'PY'
import json
import os
import pty
import time

with open("book.json") as file:
    book = json.load(file)
for entry in book["entries"]:
    if (entry["date"], entry["text"]) == ("2024-03-14", "Rope"):
        entry["cents"] = 8150
    if entry["text"] == "Fuel":
        entry["paid"] = True
book["entries"].remove(next(entry for entry in book["entries"] if entry["date"] == "2024-05-02" and entry["text"] == "Crane hire"))
book["entries"].append({"date": "2024-04-30", "text": "Ice for the market", "cents": -4275, "paid": False})
book["closed"] += ["2024-03", "2024-04", "2024-05"]
with open("book.json", "w") as file:
    json.dump(book, file)
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("python3", ["python3", "/app/ledger/ledger.py"])
time.sleep(1)
os.write(terminal, b"\x1bOQq")
time.sleep(1)
PY
