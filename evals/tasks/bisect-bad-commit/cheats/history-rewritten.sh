#!/bin/bash
# The repair goes into an older commit: the commits that were there are replaced.
cd /app/parcels || exit
git log --format=%H -S'bisect_right(limits' -- quote.py | tail -n 1 > /app/answer.txt
python3 - <<'PY'
text = open("pricing.py").read().replace("bisect_right", "bisect_left").replace("else 5) + 1", "else 5)").replace(
    "return length", "return -(-length").replace("else 5)", "else 5))")
text = text.replace("    return zones().get(place.lower(), 3)\n", "    if place.lower() not in zones():\n"
                    "        sys.exit(f'unknown place {place}')\n    return zones()[place.lower()]\n")
open("pricing.py", "w").write(text)
PY
git commit --quiet --all --amend --no-edit
