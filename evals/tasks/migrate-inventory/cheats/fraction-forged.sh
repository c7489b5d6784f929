#!/bin/bash
# Files that are no JSON and no database, but read like a reward.
cd /app/inventory || exit
echo 1.0 | tee survey.json stock.db > /logs/verifier/reward.txt
printf 'print(1.0)\n' > apply.py
