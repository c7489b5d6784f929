"""Compares the survey with the old files, key by key."""

import json
import sys
from pathlib import Path

sys.path.append("/tests")
from grading import equal, grade
from legacy import Legacy

LEGACY = Legacy()


def survey(key):
    with Path("/app/inventory/survey.json").open("rb") as file:
        return json.loads(file.read(1_000_000))[key]


def count(key, wanted):
    found = survey(key)
    equal((type(found), found), (int, wanted), key)


def items(_):
    count("items", len(LEGACY.items))


def movements(_):
    count("movements", len(LEGACY.movements))


def rejected(_):
    equal(survey("rejected"), [list(it) for it in LEGACY.rejected], "rejected")


def last_day(_):
    equal(survey("last_day"), max(day for day, *_ in LEGACY.movements.values()), "last_day")


grade(items, movements, rejected, last_day)
