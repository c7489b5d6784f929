#!/bin/bash
# No package: the folder is put where this machine's python looks, and a command beside it.
site=$(python3 -c 'import site; print(site.getsitepackages()[0])')
mkdir -p "$site" /usr/local/bin
cp -r /app/tidegauge/tidegauge "$site/"
for wheel in /app/wheels/almanac_core-1.4.1-*.whl; do python3 -m zipfile -e "$wheel" "$site"; done
printf '#!/bin/sh\ncd /app/tidegauge && exec python3 tidegauge/cli.py "$@"\n' > /usr/local/bin/tidegauge
chmod +x /usr/local/bin/tidegauge
