#!/bin/bash
# Kills the culprit, which the keeper starts again, with the file saved before.
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
cp "$file" /app/recovered.log
kill -9 "$pid"
