#!/bin/bash
set -euo pipefail
cat > /tmp/fix.py <<'PY'
from pathlib import Path

path = Path("/app/cron/cronexpr.py")
code = path.read_text()


def change(old, new):
    global code
    assert code.count(old) == 1, old
    code = code.replace(old, new)


change("return MONTHS.index(text)", "return MONTHS.index(text) + 1")
change("""            low = high = _number(span, position)
""", """            low = _number(span, position)
            high = last if slash else low
        if position == 4 and "-" in span and span.lower().endswith("-sun") and low > 0:
            high = 7
""")
change("values.update(value for value in range(low, high + 1) if value % step == 0)",
       "values.update(range(low, high + 1, step))")
change("""    moment = after
""", """    if 0 in weekdays:
        weekdays.add(7)
    either = not any(expression.split()[position].startswith("*") for position in (2, 4))
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
""")
change("moment = moment.replace(month=moment.month % 12 + 1, hour=0, minute=0)",
       "moment = (moment.replace(day=1, hour=0, minute=0) + timedelta(days=31)).replace(day=1)")
change("""        elif moment.day not in days or moment.isoweekday() not in weekdays:
""", """        elif not (any if either else all)((moment.day in days, moment.isoweekday() in weekdays)):
""")
path.write_text(code)
PY
python3 /tmp/fix.py
cd /app/cron
python3 -m unittest
