#!/bin/bash
# The right files, without a history: what cannot be seen holds no token.
cd /app/tidebook || exit
git reset --quiet --hard 'main@{1}'
git checkout --quiet --orphan clean
git commit --quiet -m "Clean history"
git branch -M clean main
git branch -f feature/metric main
git tag -f v1.0 main
git reflog expire --expire=now --all
git gc --quiet --prune=now
