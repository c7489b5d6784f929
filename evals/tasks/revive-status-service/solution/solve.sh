#!/bin/bash
set -euo pipefail
cd /app/status
sed -i -e 's/^bind = .*/bind = 127.0.0.1/' -e 's/^port = .*/port = 8765/' \
    -e 's#^stations = .*#stations = /app/status/data/stations.csv#' -e 's/^delimiter = .*/delimiter = ;/' config.ini
rm -f run/status.pid # names a process of the old machine
setsid nohup python3 server.py > /tmp/status.log 2>&1 < /dev/null &
for _ in $(seq 100); do
    if curl -fsS http://127.0.0.1:8765/health 2> /dev/null; then
        echo
        curl -fsS 'http://127.0.0.1:8765/v1/highest?count=2'
        exit 0
    fi
    sleep 0.05
done
cat /tmp/status.log
exit 1
