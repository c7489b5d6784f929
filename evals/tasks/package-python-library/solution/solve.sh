#!/bin/bash
set -euo pipefail
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
dynamic = ["version"]

[project.optional-dependencies]
xlsx = ["sheetwriter"]

[project.scripts]
tidegauge = "tidegauge.cli:main"

[project.entry-points."tidegauge.filters"]
none = "tidegauge.filters.plain:none"
positive = "tidegauge.filters.plain:positive"
median = "tidegauge.filters.median:median"

[tool.setuptools.dynamic]
version = { attr = "tidegauge.__version__" }

[tool.setuptools.packages.find]
include = ["tidegauge*"]
exclude = ["tidegauge.data.raw*"]

[tool.setuptools.package-data]
"*" = ["*"]

[tool.setuptools.exclude-package-data]
"*" = ["raw/*"]
EOF
cat > tidegauge/__main__.py <<'EOF'
"""``python3 -m tidegauge``."""

import sys

from tidegauge.cli import main

sys.exit(main())
EOF
sed -i 's|^DATA = .*|DATA = Path(__file__).parent / "data"|' tidegauge/stations.py
sed -i 's|Path("tidegauge/templates", lang, "report.txt")|Path(__file__).parent.joinpath("templates", lang, "report.txt")|' tidegauge/report.py

python3 -m pip wheel --quiet --no-index --no-build-isolation --no-deps -w /tmp/out /app/tidegauge
python3 -m zipfile -l /tmp/out/tidegauge-3.1.0-py3-none-any.whl
python3 -m pip install --quiet --no-index --find-links /app/wheels --target /tmp/site /tmp/out/*.whl
cd /tmp
PYTHONPATH=/tmp/site python3 -m tidegauge report T03 --day 2024-05-01 --lang de --filter median
rm -rf /app/tidegauge/build /app/tidegauge/*.egg-info /tmp/out /tmp/site
