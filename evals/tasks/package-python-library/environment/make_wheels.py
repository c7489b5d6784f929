"""Writes the wheels that tidegauge may need: make_wheels.py <folder>"""

import base64
import hashlib
import sys
import zipfile
from pathlib import Path

AGE = '''"""The moon, on average."""

from datetime import date


def moon_age(day{more}):
    """Days since the new moon."""
    return (day - date(2000, 1, 6)).days % 29.530588
'''
OLD = '''"""The sun, on average."""


def day_of_year(day):
    return day.timetuple().tm_yday
'''
SHEET = '''"""Writes sheets."""


def write(path, rows):
    path.write_text("\\n".join("\\t".join(map(str, row)) for row in rows))
'''
WHEELS = {
    ("almanac_core", "1.2.0"): OLD, ("almanac_core", "1.4.1"): AGE.format(more=""), ("almanac_core", "2.0.0"): AGE.format(more=", *, place"),
    ("sheetwriter", "0.9"): SHEET,
}
LATER = {**WHEELS, ("almanac_core", "1.9.0"): AGE.format(more="")}
UNFIT = {key: text for key, text in WHEELS.items() if key[1] != "1.4.1"}


def write(folder, wheels):
    folder.mkdir(parents=True, exist_ok=True)
    for (name, version), text in wheels.items():
        about = f"{name}-{version}.dist-info"
        files = {
            f"{name}/__init__.py": text,
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: make_wheels\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = ""
        for path, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).decode().rstrip("=")
            record += f"{path},sha256={digest},{len(content.encode())}\n"
        files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            for path, content in files.items():
                wheel.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), content)


if __name__ == "__main__":
    write(Path(sys.argv[1]), WHEELS)
