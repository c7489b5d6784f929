"""Presses the keys of the sealed journal once more, from the book as it was, and compares what comes out with what was asked."""

import hmac
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, "/tests")
import ledger  # noqa: E402 - with -I, the verifier's own folder is named first

SAVED = Path("/app/ledger/saved.json")
BOOK = Path("/tests/book.json")
CLOSED = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05"]


def wanted():
    """Each entry and how often it stands there."""
    entries = json.loads(BOOK.read_text())["entries"]
    for entry in entries:
        if (entry["date"], entry["text"]) == ("2024-03-14", "Rope"):
            entry["cents"] = 8150
        if entry["text"] == "Fuel":
            entry["paid"] = True
    entries.remove(next(entry for entry in entries if (entry["date"], entry["text"]) == ("2024-05-02", "Crane hire")))
    entries.append({"date": "2024-04-30", "text": "Ice for the market", "cents": -4275, "paid": False})
    return counted(entries)


def counted(entries):
    return Counter(tuple(sorted(entry.items())) for entry in entries)


def replayed(sessions):
    book = json.loads(BOOK.read_text())
    for keys in sessions:
        screen = ledger.Ledger(book)
        for key in keys:
            screen.press(key)
        if keys[-1] != "F2":
            raise ValueError("a session was not saved")
        book = screen.book()
    return book


def main():
    saved = json.loads(SAVED.read_text())
    seal = ledger.sealed(Path("/tests/ledger.py").read_bytes(), saved["sessions"], saved["book"])
    if not hmac.compare_digest(seal, saved["seal"]):
        return "the seal does not fit: this is not what the program saved"
    if replayed(saved["sessions"]) != saved["book"]:
        return "the keys that were pressed do not lead to this book"
    if saved["book"]["closed"] != CLOSED:
        return f"closed are {saved['book']['closed']}"
    have, want = counted(saved["book"]["entries"]), wanted()
    if have != want:
        return f"missing: {[dict(entry) for entry in want - have][:2]}, too much: {[dict(entry) for entry in have - want][:2]}"
    return None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
