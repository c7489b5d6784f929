#!/bin/sh
# Builds the repository of the task, the same commits every time: make-repository.sh <folder>
set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
mkdir -p "$1"
cd "$1"
git init --quiet --initial-branch=main .
git config user.name "Operations"
git config user.email "ops@tidebook.example"
git config core.logAllRefUpdates true

token="tbk_live_9f3Qe7VxLw2RkA8sZp0u"
day=3

commit() { # commit <name> <e-mail> <message>
    day=$((day + 1))
    stamp="2024-05-$(printf %02d $day)T09:1$((day % 10)):00+0200"
    git add --all
    GIT_AUTHOR_NAME=$1 GIT_AUTHOR_EMAIL=$2 GIT_AUTHOR_DATE=$stamp \
        GIT_COMMITTER_NAME=$1 GIT_COMMITTER_EMAIL=$2 GIT_COMMITTER_DATE=$stamp git commit --quiet -m "$3"
}
mira() { commit "Mira Halvorsen" mira@tidebook.example "$1"; }
tom() { commit "Tom Adeyemi" tom@tidebook.example "$1"; }

printf '# tidebook\n\nPrints the tide table of a harbour.\n' > README.md
cat > tidebook.py <<'EOF'
"""Prints the tide table of a harbour."""

import sys


def main(harbour):
    print(f"no table for {harbour} yet")


if __name__ == "__main__":
    main(sys.argv[1])
EOF
mira "Start tidebook"

mkdir deploy
printf '[service]\nurl = https://tides.example/v2\ntoken = %s\ntimeout = 20\n' "$token" > deploy/service.ini
tom "Read tides from the service

The station list comes later."

printf 'station,name\nT01,Skagen\nT02,Esbjerg\nT03,Hirtshals\n' > stations.csv
printf '\n## Stations\n\nSee stations.csv.\n' >> README.md
mira "Add the first stations"

mkdir docs
printf '# Set-up\n\nTry the service by hand:\n\n    curl -H "Authorization: Bearer %s" https://tides.example/v2/T01\n' "$token" > docs/set-up.md
chmod +x tidebook.py
tom "Describe the set-up"
git branch feature/metric

printf 'T04,Helsingborg\nT05,Varberg\n' >> stations.csv
mira "Add the Swedish stations"
git -c tag.gpgSign=false tag v1.0

# shellcheck disable=SC2016 # the service and the reader fill these in
{
printf '[service]\nurl = https://tides.example/v2\ntoken = ${TIDEBOOK_TOKEN}\ntimeout = 20\n' > deploy/service.ini
printf '# Set-up\n\nExport TIDEBOOK_TOKEN, then try the service by hand:\n\n    curl -H "Authorization: Bearer $TIDEBOOK_TOKEN" https://tides.example/v2/T01\n' > docs/set-up.md
}
tom "Take the token from the environment"

git checkout --quiet feature/metric
cat > units.py <<'EOF'
"""Feet to metres, rounded as the tide tables round."""


def metres(feet):
    return round(feet * 0.3048, 1)
EOF
tom "Convert feet to metres"

git checkout --quiet main
cat > tides.py <<'EOF'
"""High and low water of one day."""


def table(readings):
    for time, height in readings:
        print(f"{time}  {height:5.1f} m")
EOF
mira "Print high and low water"

sed -i 's/no table for {harbour} yet/{harbour}: no readings yet/' tidebook.py
printf '\n## Use\n\n    python3 tidebook.py T01\n' >> README.md
tom "Describe the use"

printf 'T06,Thyborøn\n' >> stations.csv
mira "Add Thyborøn"

# The accident: two commits gone from main, and other work on another branch since.
git reset --quiet --hard HEAD~2
git checkout --quiet feature/metric
git checkout --quiet main
