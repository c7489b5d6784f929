"""Finds the faults in a journal written afresh by the verifier's own generator and compares with the agent's answer."""

import json
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

ANSWER = Path("/app/answer.json")


def cents(text):
    return int(re.sub(r"[,.]", "", text))


def expected(lines):
    section, opening, closing, seen, twice, balance = None, {}, {}, {}, None, {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words and not line.startswith(" "):
            section = words[0]
        elif words and section in ("Opening", "Closing"):
            (opening if section == "Opening" else closing)[words[0]] = words[1]
        elif words and section == "Transfers" and words[0].startswith("#"):
            if not balance:
                balance = {account: cents(text) for account, text in opening.items()}
            transfer = int(words[0][1:])
            if transfer in seen:
                twice = (transfer, [seen[transfer], number])
                continue
            seen[transfer] = number
            balance[words[2]] -= cents(words[5])
            balance[words[4]] += cents(words[5])
    (missing,) = set(range(min(seen), max(seen) + 1)) - set(seen)
    (account,) = [account for account, text in closing.items() if cents(text) != balance[account]]
    right = f"{'-' if balance[account] < 0 else ''}{abs(balance[account]) // 100:,}.{abs(balance[account]) % 100:02d}"
    return {
        "missing": missing, "twice": twice[0], "twice_lines": twice[1], "account": account, "right_balance": right,
    }


def main():
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "journal.z")
        subprocess.run([sys.executable, "-I", "-S", "/tests/make_journal.py", path], check=True)
        want = expected(zlib.decompress(path.read_bytes()).decode().splitlines())
    answer = json.loads(ANSWER.read_text())
    if not isinstance(answer, dict) or answer.keys() != want.keys():
        return "answer.json does not have exactly the five keys"
    wrong = [key for key, value in want.items() if json.dumps(answer[key]) != json.dumps(value)]
    return f"wrong values: {', '.join(wrong)}" if wrong else None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
