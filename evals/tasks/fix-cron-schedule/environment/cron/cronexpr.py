"""The next run of a cron expression.

An expression has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or jan-dec) and day of
the week (0-7 or sun-sat, in any case; 0 and 7 are both Sunday). A field is a list, separated by commas, of

    *       every value          */n     every n-th value, from the first one of the field
    a       one value            a/n     every n-th value from a to the last one of the field
    a-b     the values a to b    a-b/n   every n-th value from a to b; in days of the week, b may be 7 or "sun"

When the day of the month and the day of the week are both restricted, that is, neither field starts with "*", a day
matches if either of them does. Otherwise both must match.
"""

from datetime import datetime, timedelta

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
LIMITS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


class CronError(ValueError):
    """The expression cannot be read."""


def _number(text, position):
    text = text.lower()
    if position == 3 and text in MONTHS:
        return MONTHS.index(text)
    if position == 4 and text in DAYS:
        return DAYS.index(text)
    if not text.isascii() or not text.isdigit():
        raise CronError(f"not a number: {text!r}")
    return int(text)


def _values(field, position):
    first, last = LIMITS[position]
    values = set()
    for item in field.split(","):
        span, slash, step = item.partition("/")
        step = _number(step, None) if slash else 1
        if span == "*":
            low, high = first, last
        elif "-" in span:
            low, high = (_number(end, position) for end in span.split("-", 1))
        else:
            low = high = _number(span, position)
        if not first <= low <= high <= last or step < 1:
            raise CronError(f"out of range: {item!r}")
        values.update(value for value in range(low, high + 1) if value % step == 0)
    return values


def parse(expression):
    """Return the five sets of values; `CronError` when the expression is malformed."""
    fields = expression.split()
    if len(fields) != 5:
        raise CronError(f"five fields are needed, not {len(fields)}")
    return [_values(field, position) for position, field in enumerate(fields)]


def next_run(expression, after):
    """Return the first full minute strictly after `after` that matches, or None if there is none within nine years."""
    minutes, hours, days, months, weekdays = parse(expression)
    moment = after
    end = after + timedelta(days=9 * 365)
    while moment <= end:
        if moment.month not in months:
            moment = moment.replace(month=moment.month % 12 + 1, hour=0, minute=0)
        elif moment.day not in days or moment.isoweekday() not in weekdays:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
        elif moment.hour not in hours:
            moment = moment.replace(minute=0) + timedelta(hours=1)
        elif moment.minute not in minutes:
            moment += timedelta(minutes=1)
        else:
            return moment
    return None
