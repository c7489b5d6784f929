#!/bin/bash
set -euo pipefail
cat > /tmp/merge.py <<'PY'
import csv
import re

EXPORTS = "/app/exports/"
contacts = {}


def add(source, email, name, phone):
    email = email.strip().lower()
    if not email:
        return
    entry = contacts.setdefault(email, ["", "", []])
    phone = re.sub(r"[^+\d]", "", phone.replace("(0)", ""))
    phone = re.sub(r"^0", "+49", re.sub(r"^00", "+", phone))
    entry[0] = entry[0] or re.sub(r"\s+", " ", name).strip()
    entry[1] = entry[1] or phone
    if source not in entry[2]:
        entry[2].append(source)


with open(EXPORTS + "crm.csv", encoding="cp1252", newline="") as file:
    for row in csv.DictReader(file, delimiter=";"):
        add("crm", row["E-Mail"], row["Vorname"] + " " + row["Nachname"], row["Telefon"])
with open(EXPORTS + "newsletter.tsv", encoding="utf-8-sig", newline="") as file:
    for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
        add("newsletter", row["address"], row["full name"], "")
with open(EXPORTS + "phone.vcf", encoding="utf-8") as file:  # universal newlines
    text = re.sub(r"\n[ \t]", "", file.read())
for card in text.split("BEGIN:VCARD\n")[1:]:
    field = {}
    for line in card.splitlines():
        key, _, value = line.partition(":")
        field[key.split(";")[0]] = re.sub(r"\\(.)", r"\1", value)
    add("phone", field.get("EMAIL", ""), field.get("FN", ""), field.get("TEL", ""))

with open("/app/contacts.csv", "w", encoding="utf-8", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["email", "name", "phone", "sources"])
    for email in sorted(contacts):
        name, phone, sources = contacts[email]
        out.writerow([email, name, phone, "|".join(sources)])
PY
python3 /tmp/merge.py
