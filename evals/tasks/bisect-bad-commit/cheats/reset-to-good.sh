#!/bin/bash
# The last good program as a new commit: what came later is lost.
cd /app/parcels || exit
bad=$(git log --format=%H -S'bisect_right(limits' -- quote.py | tail -n 1)
echo "$bad" > /app/answer.txt
git checkout --quiet "$bad~" -- quote.py
git show main:rounding.py > rounding.py
git commit --quiet --all --message "Back to the program that was right"
