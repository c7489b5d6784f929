#!/bin/bash
set -euo pipefail
cd /app/parcels
place=$(git show v1.0:zones.csv | sed -n '2p' | cut -d, -f1)
printf '%s 500 1 1 1\n' "$place" > /tmp/at-limit
printf '%s 499 1 1 1\n' "$place" > /tmp/below-limit

# Good when a parcel at the limit costs what one just below it does. The missing module is lent to commits that forgot it,
# and what fails in some runs is run again.
git show main:rounding.py > /tmp/rounding.py
cat > /tmp/try.sh <<'EOF'
#!/bin/bash
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/tmp/lent
mkdir -p /tmp/lent && cp /tmp/rounding.py /tmp/lent/
run() {
    for _ in {1..25}; do
        python3 quote.py "$1" 2> /dev/null | tail -n 1 | grep total && return
    done
    exit 125
}
limit=$(run /tmp/at-limit) || exit 125
below=$(run /tmp/below-limit) || exit 125
[ "$limit" = "$below" ]
EOF
chmod +x /tmp/try.sh
git bisect start main v1.0 > /tmp/bisect.log
git bisect run /tmp/try.sh >> /tmp/bisect.log 2>&1
bad=$(git rev-parse refs/bisect/bad)
git bisect reset > /dev/null 2>&1
echo "$bad" > /app/answer.txt
git --no-pager show "$bad"

# Three things of it are still there, in another file and in other words.
cat > /tmp/undo.py <<'EOF'
from pathlib import Path

path = Path("pricing.py")
text = path.read_text()
for old, new in [
    ("return length * width * height // (6 if zone == 3 else 5) + 1", "return -(-length * width * height // (6 if zone == 3 else 5))"),
    ("bisect_right", "bisect_left"),
    (
        "    return zones().get(place.lower(), 3)\n",
        "    zone = zones().get(place.lower())\n    if zone is None:\n        sys.exit(f\"unknown place {place}\")\n    return zone\n",
    ),
]:
    assert old in text
    text = text.replace(old, new)
path.write_text(text)
EOF
python3 /tmp/undo.py
git commit --quiet --all --message "Undo what 'Read the tables once' changed in prices and refusals"
git --no-pager log --oneline -2
git status --short
