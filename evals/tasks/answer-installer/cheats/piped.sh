#!/bin/bash
# The answers through a pipe, which the installer refuses.
cd /app/installer || exit
printf '%s\n' y '' '' samphire harbour '1 3' '' n 0 'copper kettle 52' 'copper kettle 52' HARBOUR | python3 install.py
