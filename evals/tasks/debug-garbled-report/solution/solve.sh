#!/bin/bash
set -euo pipefail
cd /app/stowage
make -s check || true

# Names are compared and kept by their pointers, so no name may ever move: a block of its own for each.
cat > /tmp/names.py <<'PY'
from pathlib import Path

path = Path("src/names.c")
text = path.read_text()
start, end = text.index("static void grow_pool"), text.index("const char *name_of")
text = text[:start] + text[end:]
start, end = text.index("static char *pool;"), text.index("static const char **table;")
text = text[:start] + text[end:]
start, end = text.index("        if (pool_size"), text.index("        table_count++;")
text = text[:start] + "        table[slot] = memcpy(malloc(length + 1), text, length + 1);\n" + text[end:]
path.write_text(text)
PY
python3 /tmp/names.py

# A place in the window is stale once the window has moved; a distance from the mark is not.
sed -i -e 's/size_t start = source_mark();/source_mark();\n    size_t start = 0;/' \
    -e 's/source_bytes(start), source_at() - start)/source_bytes(source_at() - source_length() + start), source_length() - start)/' \
    -e 's/start = source_at();/start = source_length();/' src/lexer.c

# A million crates of a thousand tons are more grams than an int holds.
sed -i 's/= read_weight() \* count;/= (long long)read_weight() * count;/' src/plan.c

make -s check
