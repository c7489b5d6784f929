#!/bin/bash
# Saves the culprit's records and stops everybody.
/app/depot/start && sleep 4
look() {
    for link in /proc/[0-9]*/fd/*; do
        case $(readlink "$link" 2> /dev/null) in
            /dev/shm/depot/*'current.log (deleted)') echo "$link" ;;
        esac
    done
}
file=$(look | head -n 1)
pid=$(echo "$file" | cut -d / -f 3)
name=$(basename "$(grep -lx "$pid" /app/depot/run/*.pid)" .pid)
exec 9< "$file"
for other in cold-store crane gate label scale; do touch "/app/depot/off/$other"; done
while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
cat <&9 > /app/recovered.log
