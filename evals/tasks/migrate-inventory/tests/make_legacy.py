"""Writes the old files of the inventory into the folder named, the same each time."""

import random
import sys
from datetime import date, timedelta
from pathlib import Path

STORES = {"HH1": "Hamburg, Hafen", "HH2": "Hamburg, Altona", "HB1": "Bremen", "KI1": "Kiel", "RO1": "Rostock", "LG1": "Lüneburg"}
THINGS = "Anker Boje Dübel Eimer Fähnchen Gurt Haken Kette Leine Öse Pfahl Rolle Schäkel Tau Winde".split()


def price(cents):
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}"


def main(folder):
    chance = random.Random(1987)
    skus = [f"{thing[:2].upper().translate(str.maketrans('ÄÖÜ', 'AOU'))}-{number}" for number, thing in enumerate(THINGS * 2, 100)]
    items = [(sku, f"{THINGS[at % 15]} {'groß' if at < 15 else 'klein'}", chance.randrange(50, 250000)) for at, sku in enumerate(skus)]
    lines = [f"{sku};{name};{price(cents)}" for sku, name, cents in items]
    for sku, name, cents in chance.sample(items, 6):
        written = chance.choice([f" {sku.lower()}", f"{sku.capitalize()} ", sku])
        lines.insert(chance.randrange(len(lines)), f"{written};{name}, neu;{price(cents + 100)}")
    (folder / "items.csv").write_text("sku;name;price\n" + "\n".join(lines) + "\n", encoding="cp1252")
    stores = [f"{code};{name}" for code, name in STORES.items()]
    (folder / "stores.csv").write_text("\ufeffcode;name\r\n" + "\r\n".join([*stores, stores[1]]) + "\r\n", encoding="utf-8", newline="")

    day, moves, number = date(2023, 1, 2), [], 1000
    for _ in range(600):
        day += timedelta(days=chance.choice([0, 0, 1, 1, 2]))
        number += chance.choice([1, 1, 1, 2, 7])
        sku = chance.choice(skus)
        move = [f"{number:6}", day.strftime("%d.%m.%Y" if chance.random() < 0.7 else "%d.%m.%y"), chance.choice(list(STORES)), sku,
                chance.choice("EEA"), chance.randrange(1, 400)]
        kind = chance.random()
        if kind < 0.02:
            move[1] = chance.choice(["31.04.2023", "29.02.2023", "00.05.24", "12.13.2024", "30.02.24"])
        elif kind < 0.04:
            move[2] = chance.choice(["HH3", "hh1", "XX1"])
        elif kind < 0.06:
            move[3] = chance.choice(["ZZ-999", "AN-99", sku[:-1] + "X"])
        elif kind < 0.08:
            move[5] = 0
        elif kind < 0.1 and moves:
            move[0] = chance.choice(moves)[0]
        elif kind < 0.11:
            move[1:4] = ["31.06.2024", "QQ9", "QQ-000"]
        elif kind < 0.14:
            move[3] = sku.lower()
        moves.append(move)
    rows = [f"{number}{when:>10} {store:3} {sku:8}{kind}{quantity:5}" for number, when, store, sku, kind, quantity in moves]
    (folder / "movements.log").write_text("\n".join(rows) + "\n", encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
