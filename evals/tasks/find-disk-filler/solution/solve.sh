#!/bin/bash
# Of the deleted files that are open, the one that grows is the culprit's. Opened here too, it outlives its writer.
set -euo pipefail
cd /app/depot
./start
sleep 4
deleted() {
    for link in /proc/[0-9]*/fd/*; do
        case $(readlink "$link" 2> /dev/null) in
            /dev/shm/depot/*' (deleted)') echo "$link $(stat -Lc %s "$link")" ;;
        esac
    done
}
deleted > /tmp/before
sleep 2
deleted > /tmp/after
file=$(comm -13 <(sort /tmp/before) <(sort /tmp/after) | cut -d ' ' -f 1)
pid=$(cut -d / -f 3 <<< "$file")
name=$(basename "$(grep -lx "$pid" run/*.pid)" .pid)
exec 9< "$file"
touch "off/$name"
while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
cat <&9 > /app/recovered.log
exec 9<&-
wc -l /app/recovered.log
