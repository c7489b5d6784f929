"""Makes the repository, with the same ids every time: make_history.py <folder>

The verifier has an identical copy, and so knows the ids of all commits.
"""

import os
import subprocess
import sys
from random import Random

COMMITS, TAGGED, BAD = 184, 20, 89

README = """# parcels

    python3 quote.py FILE

FILE has a line `place grams cm cm cm` for each parcel: where to, how heavy, and how long, wide and high. For each one the weight that is
charged and the price are printed, then the total. A parcel is charged by its weight or by its volume, whichever is more;
the brackets are in tariff.csv, up to and including their limit, and the zones of places in zones.csv.
"""
QUOTE = '''"""Quotes parcels: python3 quote.py FILE"""

import csv
import sys
from bisect import bisect_left
from pathlib import Path

HERE = Path(__file__).parent


def rows(name):
    with open(HERE / name, newline="") as file:
        return list(csv.DictReader(file))


def zone_of(place):
    for row in rows("zones.csv"):
        if row["place"] == place:
            return int(row["zone"])
    sys.exit(f"unknown place {place}")


def by_volume(length, width, height):
    # A cubic metre counts as 200 kg, and a begun gram as a whole one.
    return -(-length * width * height // 5)


def bracket(grams):
    tariff = rows("tariff.csv")
    limits = [int(row["up_to_grams"]) for row in tariff]
    place = bisect_left(limits, grams)
    if place == len(limits):
        sys.exit(f"{grams} g is too heavy")
    return tariff[place]


def price(zone, grams):
    return int(bracket(grams)[f"zone{zone}"])


def main(path):
    total = 0
    for line in Path(path).read_text().splitlines():
        place, *numbers = line.split()
        grams, length, width, height = map(int, numbers)
        charged = max(grams, by_volume(length, width, height))
        cents = price(zone_of(place), charged)
        print(f"{place} {charged} g {cents / 100:.2f}")
        total += cents
    print(f"total {total / 100:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
'''
ROUNDING = '''"""How amounts are rounded and printed."""


def percent(cents, share):
    """So many percent of an amount, half a cent up."""
    return (cents * share + 50) // 100


def euros(cents):
    return f"{cents // 100}.{cents % 100:02d}"
'''
PRICE = '''def price(zone, grams):
    return int(bracket(grams)[f"zone{zone}"])
'''
SURCHARGES = '''PERCENT = {"fuel": 8}
FIXED = {"remote": 350}


def price(zone, grams):
    cents = int(bracket(grams)[f"zone{zone}"])
    cents += cents * PERCENT["fuel"] // 100
    return cents + FIXED["remote"] if zone == 3 else cents
'''
LOOK_UP = '''def zone_of(place):
    for row in rows("zones.csv"):
        if row["place"] == place:
            return int(row["zone"])
    sys.exit(f"unknown place {place}")
'''
FAST_LOOK_UP = '''@cache
def zones():
    return {row["place"]: int(row["zone"]) for row in rows("zones.csv")}


def zone_of(place):
    return zones().get(place, 3)
'''
BRACKET = '''def bracket(grams):
    tariff = rows("tariff.csv")
    limits = [int(row["up_to_grams"]) for row in tariff]
    place = bisect_left(limits, grams)
    if place == len(limits):
'''
FAST_BRACKET = '''@cache
def brackets():
    tariff = rows("tariff.csv")
    return tariff, [int(row["up_to_grams"]) for row in tariff]


def bracket(grams):
    tariff, limits = brackets()
    place = bisect_right(limits, grams)
    if place == len(limits):
'''
HEAVY = '''    if place == len(limits):
        sys.exit(f"{grams} g is too heavy")
    return tariff[place]
'''
NO_LONGER_HEAVY = '''    return tariff[min(place, len(limits) - 1)]
'''
BEYOND = '''    cents = int(bracket(grams)[f"zone{zone}"])
'''
BY_THE_KILOGRAM = '''    cents = int(bracket(grams)[f"zone{zone}"])
    _, limits = brackets()
    cents += max(0, -(-(grams - limits[-1]) // 1000)) * BEYOND[zone]
'''
DISCOUNT = '''    print(f"total {euros(total)}")
'''
DISCOUNTED = '''    share = SHARES[bisect_right(STEPS, parcels)]
    print(f"total {euros(total - percent(total, share))}")
'''
STEPS = {  # number of the commit: message, and old and new pieces of each file
    12: ("Charge for fuel and for remote places", [("quote.py", PRICE, SURCHARGES)]),
    17: ("Say what the program is", [("README.md", "# parcels\n", "# parcels\n\nQuotes parcels.\n")]),
    41: ("Skip empty lines", [("quote.py", "        place, *numbers = line.split()\n", "<<<<<<< HEAD\n        if not line:\n=======\n"
        "        if not line.strip():\n>>>>>>> empty-lines\n            continue\n        place, *numbers = line.split()\n")]),
    48: ("Finish the merge", [("quote.py", "<<<<<<< HEAD\n        if not line:\n=======\n", ""), ("quote.py", ">>>>>>> empty-lines\n", "")]),
    60: ("One list of the kinds of surcharge", [("quote.py", '    cents += cents * PERCENT["fuel"] // 100\n',
        "    kinds = {*PERCENT, *FIXED}\n    cents += cents * PERCENT[kinds.pop()] // 100\n")]),
    77: ("Half a cent is rounded up", [("quote.py", "kinds.pop()] // 100", "kinds.pop()] + 50) // 100"),
        ("quote.py", "cents += cents * PERCENT", "cents += (cents * PERCENT")]),
    84: ("Round in one place", [("quote.py", "from pathlib import Path\n", "from pathlib import Path\n\nfrom rounding import euros, percent\n"),
        ("quote.py", "(cents * PERCENT[kinds.pop()] + 50) // 100", "percent(cents, PERCENT[kinds.pop()])"),
        ("quote.py", "{cents / 100:.2f}", "{euros(cents)}"), ("quote.py", "{total / 100:.2f}", "{euros(total)}")]),
    86: ("A discount for many parcels", [("quote.py", DISCOUNT, DISCOUNTED), ("quote.py", "    total = 0\n", "    total = parcels = 0\n"),
        ("quote.py", "        total += cents\n", "        total += cents\n        parcels += 1\n"),
        ("quote.py", "import bisect_left\n", "import bisect_left, bisect_right\n"),
        ("quote.py", 'PERCENT = {"fuel"', 'STEPS, SHARES = [10, 50], [0, 3, 5]  # from 10 parcels on, 3 percent less\nPERCENT = {"fuel"')]),
    89: ("Read the tables once", [("quote.py", LOOK_UP, FAST_LOOK_UP), ("quote.py", BRACKET, FAST_BRACKET),
        ("quote.py", "return -(-length * width * height // 5)", "return length * width * height // 5 + 1"),
        ("quote.py", "import bisect_left, bisect_right\n", "import bisect_right\nfrom functools import cache\n")]),
    91: ("Fuel has become cheaper", [("quote.py", '{"fuel": 8}', '{"fuel": 7}')]),
    95: ("Add rounding.py, which was forgotten", [("rounding.py", "", ROUNDING)]),
    102: ("The kinds of surcharge have an order", [("quote.py", "    kinds = {*PERCENT, *FIXED}\n", ""),
        ("quote.py", "PERCENT[kinds.pop()]", 'PERCENT["fuel"]')]),
    121: ("Prices have a file of their own", []),
    138: ("In zone 3 volume counts for less", [("pricing.py", "def by_volume(length, width, height):\n", "def by_volume(zone, length, width, height):\n"),
        ("pricing.py", "    # A cubic metre counts as 200 kg, and a begun gram as a whole one.\n    return length * width * height // 5 + 1\n",
        "    # A cubic metre counts as 200 kg, in zone 3 as 167 kg, and a begun gram as a whole one.\n"
        "    return length * width * height // (6 if zone == 3 else 5) + 1\n"),
        ("quote.py", "        charged = max(grams, by_volume(length, width, height))\n        cents = price(zone_of(place), charged)\n",
        "        zone = zone_of(place)\n        charged = max(grams, by_volume(zone, length, width, height))\n        cents = price(zone, charged)\n")]),
    157: ("Beyond the last bracket, by the kilogram", [("pricing.py", HEAVY, NO_LONGER_HEAVY), ("pricing.py", BEYOND, BY_THE_KILOGRAM),
        ("pricing.py", 'PERCENT = {"fuel"', 'BEYOND = {1: 95, 2: 140, 3: 260}  # cents for each kilogram that is begun\nPERCENT = {"fuel"')]),
    171: ("Places may be written in capitals", [("pricing.py", "zones().get(place, 3)", "zones().get(place.lower(), 3)")]),
}
AUTHORS = ["Mira Halvorsen <mira@parcels.example>", "Tom Adeyemi <tom@parcels.example>", "Ines Roque <ines@parcels.example>"]
SYLLABLES = "ber dal fjo gen hol kir lau mel nor oss rik sund tan ulv vik".split()


def below(random, limit):
    """A number below the limit; only random.random(), so that every Python draws the same."""
    return int(random.random() * limit)


def new_place(random, zones):
    while True:
        name = "".join(SYLLABLES[below(random, len(SYLLABLES))] for _ in range(2 + below(random, 2)))
        if f"\n{name}," not in zones:
            return name


def everyday(random, files):
    """A commit as most are: a place, a price or a note."""
    draw = random.random()
    if draw < 0.5:
        name, zone = new_place(random, files["zones.csv"]), 1 + below(random, 3)
        files["zones.csv"] += f"{name},{zone}\n"
        return f"Add {name.capitalize()} to zone {zone}"
    if draw < 0.8:
        lines = files["tariff.csv"].splitlines()
        number = 1 + below(random, len(lines) - 1)
        limit, *prices = lines[number].split(",")
        zone = below(random, 3)
        prices[zone] = str(int(prices[zone]) + 5 * (1 + below(random, 6)))
        lines[number] = ",".join([limit, *prices])
        files["tariff.csv"] = "".join(f"{line}\n" for line in lines)
        return f"Zone {zone + 1} costs {int(prices[zone]) / 100:.2f} up to {int(limit) // 1000} kg"
    name = new_place(random, files["zones.csv"])
    files["notes.md"] += f"- {name.capitalize()}: {['closed on Mondays', 'ask for the gate', 'no large parcels', 'by boat only'][below(random, 4)]}\n"
    return f"Note on {name.capitalize()}"


def split(files):
    """Move what is about prices into pricing.py."""
    text = files["quote.py"]
    first, last = text.index("HERE = "), text.index("def main(")
    files["pricing.py"] = (
        '"""What a parcel costs."""\n\nimport csv\nimport sys\nfrom bisect import bisect_right\nfrom functools import cache\n'
        "from pathlib import Path\n\nfrom rounding import percent\n\n" + text[first:last].rstrip() + "\n"
    )
    steps = next(line for line in text.splitlines() if line.startswith("STEPS"))
    files["pricing.py"] = files["pricing.py"].replace(steps + "\n", "")
    files["quote.py"] = (
        '"""Quotes parcels: python3 quote.py FILE"""\n\nimport sys\nfrom bisect import bisect_right\nfrom pathlib import Path\n\n'
        f"from pricing import by_volume, price, zone_of\nfrom rounding import euros, percent\n\n{steps}\n\n\n" + text[last:]
    )


def history():
    """Message and files of each commit, the first one's number being 1."""
    random = Random(184)
    files = {".gitignore": "__pycache__/\n", "README.md": README, "quote.py": QUOTE, "notes.md": "# Notes on places\n\n", "zones.csv": "place,zone\n"}
    files["tariff.csv"] = "up_to_grams,zone1,zone2,zone3\n" + "".join(
        f"{limit},{400 + limit // 10},{550 + limit // 8},{900 + limit // 5}\n" for limit in (500, 1000, 2000, 5000, 10000, 20000, 31500)
    )
    for zone in (1, 2, 3) * 6:
        files["zones.csv"] += f"{new_place(random, files['zones.csv'])},{zone}\n"
    yield "Quote parcels", dict(files)
    for number in range(2, COMMITS + 1):
        if number not in STEPS:
            yield everyday(random, files), dict(files)
            continue
        message, changes = STEPS[number]
        if not changes:
            split(files)
        for name, old, new in changes:
            text = files.get(name, "")
            if old not in text:
                raise ValueError(f"commit {number} does not fit: {old}")
            files[name] = text.replace(old, new)
        yield message, dict(files)


def stream():
    """The history as git fast-import reads it."""
    before, time = {}, 1_699_000_000
    random = Random(1)
    for number, (message, files) in enumerate(history(), start=1):
        time += 3_600 + below(random, 90_000)
        who = f"{AUTHORS[below(random, 3)]} {time} +0100"
        text = message.encode()
        yield b"commit refs/heads/main\nmark :%d\nauthor %s\ncommitter %s\n" % (number, who.encode(), who.encode())
        yield b"data %d\n%s\n" % (len(text), text)
        if number > 1:
            yield b"from :%d\n" % (number - 1)
        for name, text in sorted(files.items()):
            if before.get(name) != text:
                data = text.encode()
                yield b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data)
        before = files
    yield b"reset refs/tags/v1.0\nfrom :%d\n" % TAGGED


def make(folder):
    """Make the repository and return the ids of its commits, the first one's first."""

    def git(*arguments, **more):
        env = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        run = subprocess.run(["git", "-C", folder, *arguments], stdout=subprocess.PIPE, check=True, env=env, **more)
        return run.stdout.decode()

    os.makedirs(folder, exist_ok=True)
    git("init", "--quiet", "--initial-branch=main", ".")
    git("fast-import", "--quiet", input=b"".join(stream()))
    git("reset", "--quiet", "--hard", "main")
    git("config", "user.name", "Operations")
    git("config", "user.email", "ops@parcels.example")
    return git("rev-list", "--reverse", "main").split()


if __name__ == "__main__":
    make(sys.argv[1])
