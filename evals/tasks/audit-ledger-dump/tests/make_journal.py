"""Writes the night's journal, the same every time, compressed: make_journal.py <file>

The verifier has an identical copy and finds the faults in a journal that it writes itself.
"""

import sys
import zlib
from pathlib import Path
from random import Random

ACCOUNTS = 320
TRANSFERS = 22_400
PURPOSES = ["berth fee", "pilot fee", "fuel", "crane hire", "ice", "customs", "salvage share", "tow", "waste", "rent"]


def below(random, limit):
    """A number below the limit; only random.random(), so that every Python draws the same."""
    return int(random.random() * limit)


def euros(cents):
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def lines():
    random = Random(22400)
    accounts = [f"A-{number:03d}" for number in range(101, 101 + ACCOUNTS)]
    balance = {account: 50_000 + below(random, 90_000_000) for account in accounts}
    yield "JOURNAL OF THE NIGHT, amounts in EUR"
    yield ""
    yield "Opening balances"
    for account in accounts:
        yield f"  {account}  {euros(balance[account]):>16}"
    yield ""
    yield "Transfers"
    missing = 5_000 + below(random, 6_000)
    twice = 13_000 + below(random, 4_000)
    again_at = twice + 2_100 + below(random, 2_000)
    repeated = ""
    for number in range(1, TRANSFERS + 1):
        payer = accounts[below(random, ACCOUNTS)]
        payee = accounts[(accounts.index(payer) + 1 + below(random, ACCOUNTS - 1)) % ACCOUNTS]
        cents = 100 + int(random.random() ** 3 * 2_500_000)
        second = number * 25_000 // TRANSFERS
        clock = f"{22 + second // 3600 if second < 7200 else second // 3600 - 2:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        purpose = PURPOSES[below(random, len(PURPOSES))]
        if number != missing:  # the missing one was never booked
            balance[payer] -= cents
            balance[payee] += cents
            text = f"  #{number:06d}  {clock}  {payer} -> {payee}  {euros(cents):>12}  {purpose}"
            yield text
            if number == twice:
                repeated = text
        if number == again_at:
            yield repeated
        if number % 1_000 == 0:
            yield f"  -- {number} numbers used --"
    yield ""
    yield "Closing balances"
    wrong = accounts[40 + below(random, 200)]
    balance[wrong] += 7 * (1 + below(random, 900)) * (1 if random.random() < 0.5 else -1)
    for account in accounts:
        yield f"  {account}  {euros(balance[account]):>16}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(zlib.compress("".join(line + "\n" for line in lines()).encode(), 9))
