#!/bin/bash
# Open to everybody: not what was asked.
cd /app/status || exit
sed -i -e 's/^bind = .*/bind = 0.0.0.0/' -e 's/^port = .*/port = 8765/' \
    -e 's#^stations = .*#stations = /app/status/data/stations.csv#' -e 's/^delimiter = .*/delimiter = ;/' config.ini
rm run/status.pid
setsid nohup python3 server.py > /dev/null 2>&1 < /dev/null &
sleep 0.5
