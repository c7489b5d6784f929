#!/bin/bash
# All is saved, but a process keeps the deleted file open, so its room is not free.
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
setsid sleep 300 < "$file" > /dev/null 2>&1 &
exec 9< "$file"
touch "/app/depot/off/$name"
while kill -0 "$pid" 2> /dev/null; do sleep 0.1; done
cat <&9 > /app/recovered.log
