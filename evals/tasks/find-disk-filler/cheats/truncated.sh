#!/bin/bash
# Makes room by emptying the file, and lets the writer go on.
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
: > "$file"
