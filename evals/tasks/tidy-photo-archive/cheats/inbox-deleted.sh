#!/bin/bash
# An empty inbox and the two folders, with nothing in them.
cd /app/photos || exit
find inbox -mindepth 1 -delete
mkdir -p sorted other
