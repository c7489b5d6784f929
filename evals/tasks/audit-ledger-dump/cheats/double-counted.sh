#!/bin/bash
# Books the transfer that is printed twice a second time: one of the accounts then found is the wrong one.
/app/bin/journal | sed 's/,//g' | awk '
    /^  A-/ && !booked { open[$1] = $2; next }
    /^  #/ { booked = 1; open[$3] -= $6; open[$5] += $6; if (line[$1]) { twice = $1; lines = line[$1] ", " NR } line[$1] = NR; next }
    /^  A-/ { difference = $2 - open[$1]; if ((difference > 0.001 || difference < -0.001) && !account) account = $1 }
    END {
        for (n = 1; n < 22400; n++) if (!line[sprintf("#%06d", n)]) missing = n
        printf "{\"missing\": %d, \"twice\": %d, \"twice_lines\": [%s], \"account\": \"%s\", \"right_balance\": \"%.2f\"}\n",
            missing, substr(twice, 2), lines, account, open[account]
    }' | tee /app/answer.json
