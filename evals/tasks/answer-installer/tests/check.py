"""Checks the choices in the state that the installer wrote, and the seal over the whole dialogue."""

import hashlib
import hmac
import json
import re
import sys
from pathlib import Path

STATE = Path("/app/lanterna/state.json")
CHOICES = {
    "product": "lanterna 3.2", "station": "harbour", "components": ["core", "mail relay"], "port": 8080, "statistics": False,
}
PASSPHRASE = "copper kettle 52"
QUESTIONS = [  # in this order; a question may have been asked again
    r"Install into /app/lanterna\? \[y/N\]", r"The word of section 7:", r"Station name, .*", r"Components, .*", r"Port \[8080\]:",
    r"Send usage statistics .*", r"Activation code .*", r"Passphrase", r"If this is right, .*",
]


def chained(steps):
    """The seal of a dialogue held with the installer as it was shipped."""
    seal = hashlib.sha256(Path("/tests/install.py").read_bytes()).digest()
    for question, answer in steps:
        seal = hmac.digest(seal, json.dumps([question, answer]).encode(), "sha256")
    return seal


def activated(steps):
    answers = [(q, a) for q, a in steps if q.startswith("Activation")]
    *parts, factor = (int(number) for number in re.findall(r"\d+", answers[-1][0]))
    return answers[-1][1] == str(sum(parts) * factor)


def main():
    state = json.loads(STATE.read_text())
    seal = state.pop("seal")
    steps = state["dialogue"]
    if not hmac.compare_digest(seal, hmac.digest(chained(steps), json.dumps(state, sort_keys=True).encode(), "sha256").hex()):
        return "the seal does not fit: this is not a state that the installer wrote"
    if not re.fullmatch("".join(f"({question}\n)+" for question in QUESTIONS), "".join(f"{q}\n" for q, _ in steps)):
        return "the dialogue is not one that the installer holds"
    if not activated(steps):
        return "it was not activated"
    for key, value in CHOICES.items():
        if state[key] != value or type(state[key]) is not type(value):
            return f"{key} is {state[key]!r}, should be {value!r}"
    kept = state["passphrase"]
    value = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), bytes.fromhex(kept["salt"]), 50_000).hex()
    if kept["pbkdf2_sha256"] != value or ["Passphrase", value] not in steps:
        return "the passphrase is another one"
    return None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
