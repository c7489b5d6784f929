"""A comparison as JUnit XML: a suite for each pair, a case for its gate and for each task."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from evals.analysis import comparison_words as words
from evals.analysis.comparison import Verdict
from evals.display import printable

if TYPE_CHECKING:
    from evals.analysis.comparison import Comparison, Pair, TaskRow


def junit(comparison: Comparison) -> str:
    """Write the pairs with the first contender.

    The gate is a case of its own. A task on which the second contender did worse has failed only where the pass rate
    has dropped by more than was allowed, since some tasks go either way in every comparison.
    """
    suites = ET.Element("testsuites", name="termstone compare")
    for pair in comparison.pairs:
        if pair.first == 0:
            _suite(suites, comparison, pair)
    counts = {name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "failures", "skipped")}
    suites.attrib.update({name: str(count) for name, count in counts.items()})
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: ET.Element, comparison: Comparison, pair: Pair) -> None:
    first, second = (comparison.contenders[place].label for place in (pair.first, pair.second))
    name = printable(f"{second} against {first}")
    suite = ET.SubElement(suites, "testsuite", name=name)
    gate = _case(suite, name, f"pass rate, at most {pair.gate.max_drop * 100:g} pp lower" if pair.gate else "pass rate")
    if pair.gate and pair.gate.verdict is not Verdict.HELD:
        _failure(gate, pair.gate.reason, pair.gate.verdict)
    lines = [words.verdict(pair), words.difference(comparison, pair)]
    lines += [f"{heading}: {line}" for heading, line in words.details(comparison, pair)]
    _out(gate, "\n".join([*(f"compared by force: {reason}" for reason in comparison.forced), *lines]))
    dropped = pair.gate is not None and pair.gate.verdict is Verdict.DROPPED
    regressed = comparison.regressed(pair)
    for row in comparison.tasks:
        _task(_case(suite, name, row.task), row, pair, (first, second))
        if row.task in regressed:
            trials = "\n".join(map(str, regressed[row.task]))
            case = suite[-1]
            if dropped:
                _failure(case, f"{second} did worse than {first}", "regression")
            _out(case, f"failed trials of {second}:\n{trials}")
    suite.attrib.update(
        tests=str(len(suite)),
        failures=str(len(suite.findall("*/failure"))),
        skipped=str(len(suite.findall("*/skipped"))),
    )


def _task(case: ET.Element, row: TaskRow, pair: Pair, labels: tuple[str, str]) -> None:
    cells = [row.cells[place] for place in (pair.first, pair.second)]
    if not all(cell.valid for cell in cells):
        ET.SubElement(case, "skipped", message="no valid trial of one of them")
    _out(case, "\n".join(f"{label}: {cell.passed} of {cell.valid}" for label, cell in zip(labels, cells, strict=True)))


def _case(suite: ET.Element, suite_name: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=suite_name, name=printable(name))


def _failure(case: ET.Element, message: str, kind: str) -> None:
    ET.SubElement(case, "failure", message=printable(message), type=kind)


def _out(case: ET.Element, text: str) -> None:
    """Add to what a case has said; there is one such element, the last one."""
    found = case.find("system-out")
    said = "" if found is None else f"{found.text}\n"
    if found is not None:
        case.remove(found)
    ET.SubElement(case, "system-out").text = said + printable(text)
