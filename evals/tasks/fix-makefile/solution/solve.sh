#!/bin/bash
# The quoted heredoc holds literal tabs.
set -euo pipefail
cat > /app/handbook/Makefile <<'EOF'
# The harbour handbook: chapters/*.txt become pages in build/.

CHAPTERS := $(sort $(wildcard chapters/*.txt))
PAGES    := $(CHAPTERS:chapters/%.txt=build/%.html)

all: build/index.html build/SHA256SUMS

build:
	mkdir -p build

build/%.html: chapters/%.txt page.awk | build
	awk -f page.awk $< > $@

build/index.html: $(CHAPTERS) | build
	echo '<title>Harbour handbook</title>' > $@
	for chapter in $(CHAPTERS); do \
	    page=$$(basename $$chapter .txt).html; \
	    title=$$(head -n 1 $$chapter | sed 's/&/\&amp;/g; s/</\&lt;/g'); \
	    echo "<li><a href=\"$$page\">$$title</a></li>" >> $@; \
	done

build/SHA256SUMS: $(PAGES) build/index.html
	cd build && sha256sum $(notdir $^) > SHA256SUMS

check: all
	awk -f check/links.awk $(PAGES) build/index.html

clean:
	rm -rf build

.PHONY: all check clean
EOF
make -C /app/handbook check
