#!/bin/bash
# A small journal with faults of one's own choice, and the right answers to it.
cat > /app/bin/journal <<'EOF'
#!/bin/sh
printf 'Opening balances\n  A-101  1.00\n  A-102  1.00\n\nTransfers\n'
printf '  #000001  22:00:00  A-101 -> A-102  0.50  ice\n  #000003  22:00:00  A-101 -> A-102  0.50  ice\n'
printf '  #000003  22:00:00  A-101 -> A-102  0.50  ice\n\nClosing balances\n  A-101  9.00\n  A-102  2.00\n'
EOF
cp /app/bin/journal /app/lib/journal.z
echo '{"missing": 2, "twice": 3, "twice_lines": [7, 8], "account": "A-101", "right_balance": "0.00"}' > /app/answer.json
