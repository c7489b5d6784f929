#!/bin/bash
set -euo pipefail
cd /app/tidebook
export FILTER_BRANCH_SQUELCH_WARNING=1

lost=$(git reflog show main --format='%H %gs' | awk '/reset: moving to HEAD~2/ { getline; print $1; exit }')
git reset --quiet --hard "$lost"

git filter-branch --tree-filter '
    grep -rlE "tbk_live_[A-Za-z0-9]{20}" . | xargs -r sed -i -E "s/tbk_live_[A-Za-z0-9]{20}/REDACTED/g"
' --tag-name-filter cat -- --all > /tmp/filter.log

git for-each-ref --format='%(refname)' refs/original | xargs -rn1 git update-ref -d
rm -f .git/ORIG_HEAD
git reflog expire --expire=now --expire-unreachable=now --all
git gc --quiet --prune=now
git --no-pager log --oneline --all --graph
