#!/bin/bash
# Switches the culprit off, and its file is gone with it.
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
touch "/app/depot/off/$name"
sleep 1.5
cp "/dev/shm/depot/$name/current.log" /app/recovered.log 2> /dev/null || : > /app/recovered.log
