#!/bin/bash
# The right diagnosis of a start that was watched long ago.
/app/mill/start
echo 1700000000.000000000 > /app/mill/run/boot
cat > /app/diagnosis.json <<'JSON'
{"boot": "1700000000.000000000", "worker": "dyer", "job": "dyer-005", "kind": "hank"}
JSON
