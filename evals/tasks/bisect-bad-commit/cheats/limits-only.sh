#!/bin/bash
# The right commit, and of what it changed only the fault that was described.
cd /app/parcels || exit
git log --format=%H -S'bisect_right(limits' -- quote.py | tail -n 1 > /app/answer.txt
sed -i 's/bisect_right/bisect_left/' pricing.py
git commit --quiet --all --message "Charge by the right bracket"
