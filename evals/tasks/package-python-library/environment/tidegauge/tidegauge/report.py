"""Reports, from templates."""

from importlib.metadata import entry_points
from pathlib import Path
from string import Template

from almanac_core import moon_age

from tidegauge.stations import levels, stations


def report(station, day, lang, filter_name):
    (found,) = entry_points(group="tidegauge.filters", name=filter_name)
    values = found.load()(levels(station))
    template = Template(Path("tidegauge/templates", lang, "report.txt").read_text(encoding="utf-8"))
    return template.substitute(
        name=stations()[station], day=day, moon=f"{moon_age(day):.1f}", high=max(values), low=min(values), filter=filter_name
    )
