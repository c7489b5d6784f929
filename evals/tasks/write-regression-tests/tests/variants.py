"""Versions of slots.py: right ones written from scratch, and wrong ones as changes of a right one."""

SWEEP = '''
def free_slots(bookings, opening, closing, minimum=1):
    if opening > closing:
        raise ValueError("hours")
    taken = []
    for start, end in bookings:
        if start > end:
            raise ValueError("booking")
        start, end = max(start, opening), min(end, closing)
        if start < end:
            taken.append((start, end))
    taken.sort()
    slots, until = [], opening
    for start, end in taken:
        if start > until:
            slots.append((until, start))
        until = max(until, end)
    if until < closing:
        slots.append((until, closing))
    return [slot for slot in slots if slot[1] - slot[0] >= minimum]
'''

SUBTRACTION = '''
def _without(spans, start, end):
    for a, b in spans:
        if a < min(b, start):
            yield a, min(b, start)
        if max(a, end) < b:
            yield max(a, end), b


def free_slots(bookings, opening, closing, minimum=1):
    if not opening <= closing:
        raise ValueError(opening, closing)
    spans = [(opening, closing)] if opening < closing else []
    for start, end in bookings:
        if not start <= end:
            raise ValueError(start, end)
        if start != end:
            spans = list(_without(spans, start, end))
    return [(a, b) for a, b in spans if b - a >= minimum]
'''

COUNTING = '''
from collections import Counter
from itertools import accumulate


class Reversed(ValueError):
    pass


def free_slots(bookings, opening, closing, minimum=1):
    changes = Counter({opening: 0, closing: 0})
    if closing - opening < 0:
        raise Reversed
    for start, end in tuple(bookings):
        if end - start < 0:
            raise Reversed
        changes[min(max(start, opening), closing)] += 1
        changes[min(max(end, opening), closing)] -= 1
    moments = sorted(moment for moment, change in changes.items() if change or moment in (opening, closing))
    busy = list(accumulate(changes[moment] for moment in moments))
    return [
        (here, there) for here, there, many in zip(moments, moments[1:], busy)
        if not many and there - here >= max(minimum, 1)
    ]
'''

RIGHT = {"sweep": SWEEP, "subtraction": SUBTRACTION, "counting": COUNTING}

CHANGES = {
    "only the booking before is remembered": [
        ("    for start, end in taken:\n", "    before = opening\n    for start, end in taken:\n"),
        ("        until = max(until, end)\n", "        until, before = max(before, end), end\n"),
    ],
    "a contained booking ends the long one when both start together": [
        ("until = max(until, end)", "until = end if (start, end) == min(t for t in taken if t[0] == start) else max(until, end)"),
        ("    taken.sort()\n", "    taken.sort(key=lambda t: (t[0], -t[1]))\n"),
    ],
    "the order is taken as given": [("    taken.sort()\n", "")],
    "what lies before the opening is not cut": [("max(start, opening)", "start"), ("until = [], opening", "until = [], min([opening, *[t[0] for t in taken]])")],
    "what lies after the closing is not cut": [("min(end, closing)", "end")],
    "the time before the closing is forgotten": [("    if until < closing:\n        slots.append((until, closing))\n", "    if not taken:\n        slots.append((until, closing))\n")],
    "the minimum itself is too short": [(">= minimum]", "> minimum]")],
    "the minimum is not looked at": [(" if slot[1] - slot[0] >= minimum", "")],
    "the caller's list is sorted": [("    taken = []\n", "    taken = []\n    if isinstance(bookings, list):\n        bookings.sort()\n")],
    "iterators are read twice": [("    taken = []\n", "    taken = []\n    count = sum(1 for _ in bookings)\n")],
    "a reversed booking is turned round": [('            raise ValueError("booking")\n', "            start, end = end, start\n")],
    "a reversed booking outside the hours is overlooked": [("        if start > end:\n", "        if start > end and end < closing and start > opening:\n")],
    "reversed hours give nothing": [('        raise ValueError("hours")\n', "        return []\n")],
    "an empty booking splits a span": [("        if start < end:\n", "        if start < end or opening < start == end < closing:\n")],
    "touching bookings leave an empty span": [("if start > until:", "if start >= until and taken[0] != (start, end):")],
    "a full day leaves an empty span": [("if until < closing:", "if until <= closing:")],
    "lists instead of tuples": [("return [slot for", "return [list(slot) for")],
    "the latest first": [("return [slot for slot in slots", "return [slot for slot in slots[::-1]")],
}


def changed(source, changes):
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in the source")
        source = source.replace(old, new)
    return source


WRONG = {name: changed(SWEEP, changes) for name, changes in CHANGES.items()}
