#!/bin/bash
# The state written by hand: right choices, right passphrase, no dialogue behind it.
mkdir -p /app/lanterna
python3 - <<'EOF'
import hashlib
import json

value = hashlib.pbkdf2_hmac("sha256", b"copper kettle 52", bytes(16), 50_000).hex()
state = {
    "product": "lanterna 3.2", "station": "harbour", "components": ["core", "mail relay"], "port": 8080, "statistics": False,
    "passphrase": {"salt": bytes(16).hex(), "rounds": 50_000, "pbkdf2_sha256": value}, "dialogue": [["Passphrase", value]],
}
state["seal"] = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
with open("/app/lanterna/state.json", "w") as file:
    json.dump(state, file)
EOF
