"""Merges pristine copies of the exports by the rules of the instruction and compares with the agent's file."""

import csv
import io
import re
import sys
from pathlib import Path

EXPORTS = Path("/tests/exports")
GIVEN = Path("/app/exports")
ANSWER = Path("/app/contacts.csv")


def crm():
    text = (EXPORTS / "crm.csv").read_bytes().decode("cp1252")
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=";"):
        yield row["E-Mail"], f"{row['Vorname']} {row['Nachname']}", row["Telefon"]


def newsletter():
    for line in (EXPORTS / "newsletter.tsv").read_text("utf-8-sig").splitlines()[1:]:
        address, name, _ = line.split("\t")
        yield address, name, ""


def phone():
    text = (EXPORTS / "phone.vcf").read_bytes().decode().replace("\r\n", "\n")
    card = {}
    for line in re.sub(r"\n[ \t]", "", text).splitlines():
        key, value = line.split(":", 1)
        card[key.split(";")[0]] = re.sub(r"\\(.)", r"\1", value)
        if line == "END:VCARD":
            yield card.get("EMAIL", ""), card.get("FN", ""), card.get("TEL", "")
            card = {}


def number(text):
    digits = re.sub(r"[^+\d]", "", text.replace("(0)", ""))
    if digits.startswith("00"):
        return "+" + digits[2:]
    return "+49" + digits[1:] if digits.startswith("0") else digits


def merged():
    contacts = {}
    for source, entries in (("crm", crm()), ("newsletter", newsletter()), ("phone", phone())):
        for address, name, telephone in entries:
            email = address.strip().lower()
            if not email:
                continue
            contact = contacts.setdefault(email, {"name": "", "phone": "", "sources": []})
            contact["name"] = contact["name"] or " ".join(name.split())
            contact["phone"] = contact["phone"] or number(telephone)
            if source not in contact["sources"]:
                contact["sources"].append(source)
    header = ["email", "name", "phone", "sources"]
    return [header] + [[e, c["name"], c["phone"], "|".join(c["sources"])] for e, c in sorted(contacts.items())]


def main():
    for original in EXPORTS.iterdir():
        if (GIVEN / original.name).read_bytes() != original.read_bytes():
            return f"{original.name} was changed"
    data = ANSWER.read_bytes()
    if b"\r" in data or data.startswith(b"\xef\xbb\xbf"):
        return "contacts.csv has carriage returns or a byte order mark"
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    expected = merged()
    for number_, (row, want) in enumerate(zip(rows, expected), start=1):
        if row != want:
            return f"row {number_} is {row}, should be {want}"
    if len(rows) != len(expected):
        return f"{len(rows)} rows, should be {len(expected)}"
    return None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
