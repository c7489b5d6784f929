"""Plans that are made together with the report they must give, or with the line on which they are wrong."""

from collections import defaultdict

LETTERS = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_/.:=,;()[]*'äøåßéñ港湾船🚢"
ODD = LETTERS + ' {}#"\\\n\t' * 3


def quoted(name, escape_ends=True):
    text = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.replace("\n", "\\n" if escape_ends else "\n")


def kilograms(grams):
    return f"{grams // 1000}.{grams % 1000:03d} kg"


class Plan:
    """A plan that is written item by item, with its report."""

    def __init__(self, random):
        self.random = random
        self.text = []
        self.open = []  # indexes of holds
        self.holds = []  # [path, grams]
        self.goods = defaultdict(lambda: [0, 0])
        self.total = 0

    def name(self, name):
        bare = not set(name) & set(' \t\n\r{}"#')
        return name if bare and self.random.random() < 0.6 else quoted(name, self.random.random() < 0.7)

    def gap(self, must=True):
        gaps = [" ", " ", "\n", "\t", "  ", "\r\n", " # \"crate\" {\n", "\n\n# hold a {\n"]
        return self.random.choice(gaps if must else [*gaps, "", "", ""])

    def begin(self, name):
        path = [*(self.holds[self.open[-1]][0] if self.open else []), name]
        self.open.append(len(self.holds))
        self.holds.append([path, 0])
        self.text += ["hold", self.gap(), self.name(name), self.gap(must=True), "{", self.gap(must=False)]

    def end(self):
        self.open.pop()
        self.text += ["}", self.gap(must=False)]

    def crate(self, name, count, grams):
        self.text += ["crate", self.gap(), self.name(name), self.gap(), str(count), self.gap(), "x", self.gap(), *self.weight(grams), self.gap()]
        for index in self.open:
            self.holds[index][1] += count * grams
        self.goods[name][0] += count
        self.goods[name][1] += count * grams
        self.total += count * grams

    def weight(self, grams):
        units = {"g": 0, "kg": 3, "t": 6}
        unit, digits = self.random.choice([(unit, digits) for unit, digits in units.items() if grams * 1000 % 10**digits == 0])
        text = str(grams)
        if digits:
            whole, part = divmod(grams, 10**digits)
            part = f"{part:0{digits}d}".rstrip("0")
            text = f"{whole}.{part}" if part else f"{whole}"
        if "." not in text and self.random.random() < 0.3:
            text += "." + "0" * self.random.randint(1, 3)
        return text, self.gap(), unit

    def written(self):
        return "".join(self.text).encode()

    def report(self):
        lines = [f"hold {' / '.join(map(quoted, path))}: {kilograms(grams)}" for path, grams in self.holds]
        for name in sorted(self.goods, key=str.encode):
            count, grams = self.goods[name]
            lines.append(f"goods {quoted(name)}: {count} x, {kilograms(grams)}")
        return "".join(f"{line}\n" for line in [*lines, f"total: {kilograms(self.total)}"]).encode()


def some_name(random, longest, letters=ODD):
    name = "".join(random.choice(letters) for _ in range(random.randint(1, longest)))
    return name if name not in ("", "{") else "a"


def cut(name, limit=1000):
    return name.encode()[:limit].decode(errors="ignore")


def wandering(random, items, names, most, heaviest, deepest=6):
    plan = Plan(random)
    for _ in range(items):
        draw = random.random()
        if draw < 0.15 and len(plan.open) < deepest:
            plan.begin(random.choice(names))
        elif draw < 0.25 and plan.open:
            plan.end()
        else:
            plan.crate(random.choice(names), random.randint(1, most), random.randint(1, heaviest))
    while plan.open:
        plan.end()
    return plan


def right_plans(random):
    """Pairs of what the plan is about, and the plan."""
    for _ in range(12):
        names = [some_name(random, 12) for _ in range(8)]
        yield "a small plan", wandering(random, 20, names, 100, 100_000)
    heavy = wandering(random, 30, ["ore", "coal", "lead"], 1_000_000, 1_000_000_000)
    heavy.crate("lead", 1_000_000, 1_000_000_000)
    yield "heavy crates", heavy
    yield "many names", wandering(random, 9_000, [f"goods {number * 7919}" for number in range(4_000)], 9, 9_999)
    long_names = [cut(some_name(random, 1_400)) for _ in range(120)]
    yield "long names", wandering(random, 900, long_names, 9, 9_999)
    yield "names of quotes", wandering(random, 300, ['"' * 1_000, "\\" * 1_000, "\n" * 999, "\\" * 3], 9, 9_999)
    deep = Plan(random)
    for level in range(200):
        deep.begin(f"deck {level % 7}")
    deep.crate("bilge water", 3, 1_001)
    while deep.open:
        deep.end()
    yield "holds 200 deep", deep
    for shift in range(24):  # names with escapes at every place around the ends of blocks
        plan = Plan(random)
        for block in (1, 2, 4):
            before = len(plan.written())
            plan.text.append("\n#" + "." * max(0, block * 4096 - before - 40 + shift * 2) + "\n")
            plan.crate('the "good" one\\' * 3, 1, 1_000)
            plan.crate("the plain one", 2, 2_000)
        yield "names with escapes", plan


FIRST = 'hold fore {\n  crate "two\nlines" 1 x 1 kg\n}\n'  # four lines

WRONG = [  # what follows FIRST, and the line of the token that cannot be right
    ("hold\n{ }", 6), ("hold aft crate a 1 x 1 g", 5), ("hold aft {\n", 6), ("hold aft {\n\n}\n}\n", 8), ("}", 5), ("crates a 1 x 1 g", 5),
    ('crate "" 1 x 1 g', 5), ("crate a 0 x 1 g", 5), ("crate a 1000001 x 1 g", 5), ("crate a\n1.5 x 1 g", 6), ("crate a 1 y 1 g", 5),
    ("crate a 1\nx\n\n1 lb", 8), ("crate a 1 x 0.0005 kg", 5), ("crate a 1 x 1. kg", 5), ("crate a 1 x .5 kg", 5), ("crate a 1 x 0 kg", 5),
    ("crate a 1 x 0.5 g", 5), ("crate a 1 x 1001 t", 5), ("crate a -1 x 1 t", 5), ('crate a "1" x 1 t', 5), ("crate a 1 x 1", 5),
    ('crate "a\\t" 1 x 1 g', 5), ('crate "no\n\nend 1 x 1 g\n', 5), ("\n\n\"hold\" a { }", 7), ("crate " + "n" * 1001 + " 1 x 1 g", 5),
    ('# "\ncrate "' + "q" * 1001 + '" 1 x 1 g', 6), ('crate "' + '\\"' * 1001 + '" 1 x 1 g', 5), ("hold d {" * 201 + "}" * 201, 5),
    ("crate a 1 x 1 g " * 600 + "\ncrate b 1 x ? g", 6),
]


def wrong_plans():
    """Pairs of a plan and the line on which it is wrong."""
    for text, line in WRONG:
        yield (FIRST + text).encode(), line
