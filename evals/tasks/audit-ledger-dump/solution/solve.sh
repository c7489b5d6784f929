#!/bin/bash
set -euo pipefail
/app/bin/journal > /tmp/journal.txt
cat > /tmp/audit.py <<'PY'
import json
import re

balance, printed, first_line, answer = {}, {}, {}, {}
closing = False
with open("/tmp/journal.txt") as file:
    for line_number, line in enumerate(file, start=1):
        closing = closing or line.startswith("Closing")
        if match := re.match(r"  (A-\d+) +(-?[\d,.]+)$", line):
            (printed if closing else balance)[match[1]] = int(re.sub(r"\D", "", match[2])) * (-1 if match[2][0] == "-" else 1)
        elif match := re.match(r"  #(\d+)  \S+  (\S+) -> (\S+) +(\S+)", line):
            number, amount = int(match[1]), int(re.sub(r"\D", "", match[4]))
            if number in first_line:
                answer.update(twice=number, twice_lines=[first_line[number], line_number])
                continue
            first_line[number] = line_number
            balance[match[2]] -= amount
            balance[match[3]] += amount
(answer["missing"],) = set(range(1, max(first_line))) - set(first_line)
(answer["account"],) = (account for account in balance if balance[account] != printed[account])
right = balance[answer["account"]]
answer["right_balance"] = f"{'-' if right < 0 else ''}{abs(right) // 100:,}.{abs(right) % 100:02d}"
print(json.dumps(answer))
PY
python3 /tmp/audit.py | tee /app/answer.json
