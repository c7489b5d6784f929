#!/bin/bash
# The metadata are right, but the program still looks for its data in the current folder.
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
