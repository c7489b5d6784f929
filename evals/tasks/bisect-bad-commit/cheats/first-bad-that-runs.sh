#!/bin/bash
# A perfect repair, but the first bad commit that runs is taken for the one that brought it.
cd /app/parcels || exit
git log --format=%H --grep='Add rounding.py' > /app/answer.txt
python3 - <<'PY'
text = open("pricing.py").read().replace("bisect_right", "bisect_left").replace("else 5) + 1", "else 5)").replace(
    "return length", "return -(-length").replace("else 5)", "else 5))")
text = text.replace("    return zones().get(place.lower(), 3)\n", "    if place.lower() not in zones():\n"
                    "        sys.exit(f'unknown place {place}')\n    return zones()[place.lower()]\n")
open("pricing.py", "w").write(text)
PY
git commit --quiet --all --message "Charge by the right bracket"
