#!/bin/sh
# Grades the task: 1 or 0 in /logs/verifier/reward.txt, on every path.
# Nothing of the agent's is trusted to run the check: tools come from the system's own directories first, the
# environment is empty, and python starts isolated and without site (-I -S), so a planted sitecustomize or .pth is not read.
PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin
export PATH
reward=0
write_reward() {
    rm -rf /logs/verifier/reward.txt /logs/verifier/reward.json
    echo "$reward" > /logs/verifier/reward.txt
}
trap write_reward EXIT
trap 'exit 1' HUP INT TERM
mkdir -p /logs/verifier
write_reward

if [ -s /etc/ld.so.preload ]; then
    echo "FAIL: /etc/ld.so.preload is in use"
    exit 0
fi
env -i PATH="$PATH" LANG=C.UTF-8 HOME=/nonexistent timeout -k 1 50 python3 -I -S /tests/check.py && reward=1
exit 0
