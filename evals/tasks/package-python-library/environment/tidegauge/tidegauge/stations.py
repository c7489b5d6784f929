"""The stations and their levels."""

import csv
from pathlib import Path

DATA = Path("tidegauge/data")


def stations():
    """Names by id."""
    with open(DATA / "stations.csv", newline="", encoding="utf-8") as file:
        return {row["id"]: row["name"] for row in csv.DictReader(file)}


def levels(station):
    """Centimetres, in the order in which they were measured."""
    return [int(line) for line in (DATA / "levels" / f"{station}.txt").read_text().split()]
