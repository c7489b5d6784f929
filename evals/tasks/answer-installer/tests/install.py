"""Installs Lanterna: asks a person at a terminal, then writes /app/lanterna/state.json."""

import getpass
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import termios
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path("/app/lanterna")
COMPONENTS = ["core", "web panel", "mail relay", "tide display"]
PAGE = 14
ROUNDS = 50_000


class Dialogue:
    """What was asked and answered, sealed step by step with this very program as the key."""

    def __init__(self):
        self.steps = []
        self.seal = hashlib.sha256(Path(__file__).read_bytes()).digest()

    def add(self, question, answer):
        self.steps.append([question, answer])
        self.seal = hmac.digest(self.seal, json.dumps([question, answer]).encode(), "sha256")

    def ask(self, question, valid, complaint, attempts=3):
        for _ in range(attempts):
            answer = input(f"{question} ").strip()
            self.add(question, answer)
            if valid(answer):
                return answer
            print(complaint)
        give_up("Too many answers that make no sense.")

    def agree(self, question, default):
        answer = self.ask(
            f"{question} [{'Y/n' if default else 'y/N'}]", lambda text: text.lower() in ("", "y", "n", "yes", "no"), "Please answer y or n."
        )
        return answer.lower().startswith("y") if answer else default


def give_up(reason):
    sys.exit(f"{reason} Nothing was installed.")


def show_licence():
    lines = (HERE / "LICENCE").read_text().splitlines()
    for start in range(0, len(lines), PAGE):
        print("\n".join(lines[start : start + PAGE]))
        if start + PAGE < len(lines):
            input("-- more: press Enter --")


def activate(dialogue, station, components):
    for attempt in range(3):
        code = hashlib.sha256(f"{station} {components} {attempt}".encode()).digest()
        parts = [10 + byte % 90 for byte in code[:3]]
        factor = 3 + code[3] % 7
        # Nothing typed before the question can be its answer.
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
        question = f"Activation code {parts[0]}-{parts[1]}-{parts[2]}: the sum of its three numbers, times {factor}?"
        answer = input(f"{question} ").strip()
        dialogue.add(question, answer)
        if answer == str(sum(parts) * factor):
            return
        print("That is not right. Here is a new code.")
    give_up("Activation failed.")


def choose_passphrase(dialogue):
    for _ in range(3):
        first = getpass.getpass("Passphrase of the keeper, at least 10 characters (not shown): ")
        if len(first) < 10:
            print("That is too short.")
        elif getpass.getpass("The same again: ") != first:
            print("These were not the same.")
        else:
            salt = secrets.token_bytes(16)
            value = hashlib.pbkdf2_hmac("sha256", first.encode(), salt, ROUNDS).hex()
            dialogue.add("Passphrase", value)
            return {"salt": salt.hex(), "rounds": ROUNDS, "pbkdf2_sha256": value}
    give_up("No passphrase.")


def main():
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        give_up("This installer talks to a person: start it in a terminal.")
    dialogue = Dialogue()
    print("Lanterna 3.2\n")
    if not dialogue.agree(f"Install into {TARGET}?", default=False):
        give_up("As you like.")
    show_licence()
    dialogue.ask("The word of section 7:", lambda word: word.lower() == "samphire", "No, that is another word.")
    name = re.compile("[a-z]{3,12}")
    station = dialogue.ask("Station name, 3 to 12 lower-case letters:", name.fullmatch, "Lower-case letters only, 3 to 12.")
    for number, component in enumerate(COMPONENTS, start=1):
        print(f"  {number}) {component}{' (required)' if number == 1 else ''}")
    numbers = dialogue.ask(
        "Components, numbers with spaces between [1 2 3 4]:",
        lambda text: not text or ("1" in text.split() and set(text.split()) <= set("1234")),
        "Numbers from 1 to 4, and 1 is required.",
    )
    components = sorted({COMPONENTS[int(number) - 1] for number in (numbers or "1 2 3 4").split()})
    port = dialogue.ask("Port [8080]:", lambda text: not text or (text.isdecimal() and 1024 <= int(text) < 65536), "1024 to 65535.")
    statistics = dialogue.agree("Send usage statistics to the makers?", default=True)
    activate(dialogue, station, components)
    passphrase = choose_passphrase(dialogue)
    print(f"\n  station     {station}\n  components  {', '.join(components)}\n  port        {port or 8080}")
    print(f"  statistics  {'yes' if statistics else 'no'}\n")
    dialogue.ask("If this is right, type the station name in capitals:", lambda text: text == station.upper(), "Not the same.")
    state = {
        "product": "lanterna 3.2", "station": station, "components": components, "port": int(port or 8080),
        "statistics": statistics, "passphrase": passphrase, "dialogue": dialogue.steps,
    }
    state["seal"] = hmac.digest(dialogue.seal, json.dumps(state, sort_keys=True).encode(), "sha256").hex()
    TARGET.mkdir(exist_ok=True)
    draft = TARGET / "state.json.new"
    draft.write_text(json.dumps(state, indent=1) + "\n")
    os.replace(draft, TARGET / "state.json")
    print("Installation complete.")


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        print()
        give_up("Stopped.")
