#!/bin/bash
# One test for each sentence of the docstring, and several for the fault that was reported.
set -euo pipefail
cp "$(dirname "$0")/test_slots.py" /app/rooms/test_slots.py
cd /app/rooms
if python3 -m unittest; then
    echo "the fault is not caught"
    exit 1
fi
