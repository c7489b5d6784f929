"""The ledger of the harbour office: python3 ledger.py"""

import curses
import hashlib
import hmac
import json
import re
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAVED = HERE / "saved.json"
ROWS = 15
FIELDS = ["date", "text", "amount"]
NAMES = {
    curses.KEY_UP: "Up", curses.KEY_DOWN: "Down", curses.KEY_PPAGE: "PgUp", curses.KEY_NPAGE: "PgDn", curses.KEY_HOME: "Home",
    curses.KEY_END: "End", curses.KEY_F2: "F2", curses.KEY_ENTER: "Enter", curses.KEY_BACKSPACE: "Backspace", curses.KEY_DC: "Backspace",
    "\n": "Enter", "\r": "Enter", "\t": "Tab", "\x7f": "Backspace", "\b": "Backspace", "\x15": "Ctrl-U", "\x1b": "Esc",
}


def amount_of(text):
    if not re.fullmatch(r"-?\d{1,7}\.\d\d", text):
        raise ValueError("an amount is written like 12.50")
    return int(text.replace(".", ""))


def amount(cents):
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


class Ledger:
    """The book and the screen: keys go in one by one, and the same keys always lead to the same book."""

    def __init__(self, book):
        self.entries = book["entries"]
        self.closed = book["closed"]
        self.at = 0
        self.form = None  # what is being typed: its title, its fields, and which one
        self.done = None
        self.wanted = ""
        self.message = f"{len(self.entries)} entries"

    def book(self):
        return {"closed": self.closed, "entries": self.entries}

    def press(self, key):
        self.message = ""
        if self.form:
            self.type(key)
            return
        steps = {"Up": -1, "Down": 1, "PgUp": -ROWS, "PgDn": ROWS, "Home": -len(self.entries), "End": len(self.entries)}
        actions = {" ": self.pay, "n": self.new, "e": self.edit, "d": self.delete, "c": self.close, "/": self.search}
        if key in steps:
            self.at = max(0, min(len(self.entries) - 1, self.at + steps[key]))
        elif key in actions:
            actions[key]()

    def ask(self, title, fields, done):
        self.form, self.done = [title, fields, 0], done

    def type(self, key):
        _, fields, number = self.form
        name = list(fields)[number]
        if key == "Esc":
            self.form = None
        elif key == "Tab":
            self.form[2] = (number + 1) % len(fields)
        elif key == "Ctrl-U":
            fields[name] = ""
        elif key == "Backspace":
            fields[name] = fields[name][:-1]
        elif key == "Enter":
            try:
                self.done(fields)
                self.form = None
            except ValueError as error:
                self.message = f"No: {error}."
        elif len(key) == 1 and key.isprintable():
            fields[name] += key

    def is_open(self, entry):
        if entry["date"][:7] in self.closed:
            self.message = f"No: {entry['date'][:7]} is closed."
        return not self.message

    def pay(self):
        if self.is_open(self.entries[self.at]):
            self.entries[self.at]["paid"] = not self.entries[self.at]["paid"]

    def new(self):
        self.ask("New entry", dict.fromkeys(FIELDS, ""), lambda fields: self.keep(None, fields))

    def edit(self):
        entry = self.entries[self.at]
        if self.is_open(entry):
            fields = {"date": entry["date"], "text": entry["text"], "amount": amount(entry["cents"])}
            self.ask("Change", fields, lambda fields: self.keep(entry, fields))

    def keep(self, entry, fields):
        day = date.fromisoformat(fields["date"]).isoformat()
        if day[:7] in self.closed:
            raise ValueError(f"{day[:7]} is closed")
        if not fields["text"].strip():
            raise ValueError("a text is missing")
        kept = {"date": day, "text": fields["text"].strip(), "cents": amount_of(fields["amount"]), "paid": bool(entry and entry["paid"])}
        if entry:
            self.entries.remove(entry)
        self.entries.append(kept)
        self.entries.sort(key=lambda entry: entry["date"])
        self.at = next(number for number, entry in enumerate(self.entries) if entry is kept)

    def delete(self):
        entry = self.entries[self.at]
        if self.is_open(entry):
            self.ask(f"Delete {entry['text']} of {entry['date']}? y and Enter", {"answer": ""}, lambda fields: self.remove(fields))

    def remove(self, fields):
        if fields["answer"] == "y":
            del self.entries[self.at]
            self.at = min(self.at, len(self.entries) - 1)

    def close(self):
        months = sorted({entry["date"][:7] for entry in self.entries} - set(self.closed))
        if months:
            self.ask(f"Close {months[0]} for good? Type the number of the month", {"month": ""}, lambda fields: self.shut(months[0], fields))

    def shut(self, month, fields):
        if fields["month"] != month[5:]:
            raise ValueError(f"that is not {month[5:]}")
        self.closed.append(month)
        self.message = f"{month} is closed."

    def search(self):
        self.ask("Look for", {"text": ""}, self.find)

    def find(self, fields):
        self.wanted = fields["text"] or self.wanted
        for step in range(1, len(self.entries) + 1):
            number = (self.at + step) % len(self.entries)
            if self.wanted.lower() in self.entries[number]["text"].lower():
                self.at = number
                return
        self.message = "Not found."

    def lines(self):
        """The screen, line by line."""
        yield f"HARBOUR OFFICE   closed: {', '.join(self.closed)}"
        first = max(0, min(self.at - ROWS // 2, len(self.entries) - ROWS))
        for number, entry in enumerate(self.entries[first : first + ROWS], start=first):
            mark = ">" if number == self.at else " "
            yield f"{mark} {'*' if entry['paid'] else ' '} {entry['date']}  {entry['text']:<24}{amount(entry['cents']):>12}"
        yield ""
        if self.form:
            title, fields, current = self.form
            yield f"{title}: {self.message}"
            yield "   ".join(f"{name} [{text}{'_' if number == current else ''}]" for number, (name, text) in enumerate(fields.items()))
            yield "Tab next field  Ctrl-U empty it  Enter keep  Esc drop"
        else:
            yield self.message
            yield ""
            yield "/ look  Space paid  n new  e change  d delete  c close month  F2 save  q end"


def sealed(program, sessions, book):
    return hmac.digest(hashlib.sha256(program).digest(), json.dumps([sessions, book]).encode(), "sha256").hex()


def load():
    """Sessions so far, and the book."""
    if not SAVED.exists():
        return [], json.loads((HERE / "book.json").read_text())
    saved = json.loads(SAVED.read_text())
    if saved["seal"] != sealed(Path(__file__).read_bytes(), saved["sessions"], saved["book"]):
        sys.exit("saved.json was changed by hand: the seal does not fit.")
    return saved["sessions"], saved["book"]


def save(sessions, book):
    seal = sealed(Path(__file__).read_bytes(), sessions, book)
    SAVED.write_text(json.dumps({"sessions": sessions, "book": book, "seal": seal}))


def run(screen):
    curses.raw()
    curses.curs_set(0)
    sessions, book = load()
    ledger, keys = Ledger(book), []
    while True:
        screen.erase()
        for number, line in enumerate(ledger.lines()):
            if number < screen.getmaxyx()[0]:
                screen.addnstr(number, 0, line, screen.getmaxyx()[1] - 1)
        screen.refresh()
        key = screen.get_wch()
        key = NAMES.get(key, key)
        if not isinstance(key, str):
            continue
        if key == "q" and not ledger.form:
            return
        keys.append(key)
        ledger.press(key)
        if key == "F2":
            save([*sessions, keys], ledger.book())
            ledger.message = "Saved."


if __name__ == "__main__":
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.exit("The ledger is used by a person: start it in a terminal.")
    curses.set_escdelay(50)
    curses.wrapper(run)
