#!/bin/bash
# Lists the files that are there today, and types the version a second time.
cd /app/tidegauge
cat > pyproject.toml <<'EOF'
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "tidegauge"
description = "Reports what tide gauges saw."
readme = "README.md"
requires-python = ">=3.10"
dependencies = ["almanac-core>=1.4,<2"]
version = "3.1.0"

[project.optional-dependencies]
xlsx = ["sheetwriter"]

[project.scripts]
tidegauge = "tidegauge.cli:main"

[project.entry-points."tidegauge.filters"]
none = "tidegauge.filters.plain:none"
positive = "tidegauge.filters.plain:positive"
median = "tidegauge.filters.median:median"

[tool.setuptools]
packages = ["tidegauge", "tidegauge.filters"]

[tool.setuptools.package-data]
tidegauge = ["data/stations.csv", "data/levels/T0[123].txt", "templates/en/report.txt", "templates/de/report.txt"]

EOF
cat > tidegauge/__main__.py <<'EOF'
"""``python3 -m tidegauge``."""

import sys

from tidegauge.cli import main

sys.exit(main())
EOF
sed -i 's|^DATA = .*|DATA = Path(__file__).parent / "data"|' tidegauge/stations.py
sed -i 's|Path("tidegauge/templates", lang, "report.txt")|Path(__file__).parent.joinpath("templates", lang, "report.txt")|' tidegauge/report.py
