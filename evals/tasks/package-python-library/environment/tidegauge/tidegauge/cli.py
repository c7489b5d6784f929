"""The command line."""

import argparse
import sys
from datetime import date

from tidegauge.report import report
from tidegauge.stations import stations


def main():
    parser = argparse.ArgumentParser(prog="tidegauge")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    reporting = commands.add_parser("report")
    reporting.add_argument("station")
    reporting.add_argument("--day", type=date.fromisoformat, required=True)
    reporting.add_argument("--lang", default="en")
    reporting.add_argument("--filter", default="none")
    arguments = parser.parse_args()
    if arguments.command == "list":
        for station, name in stations().items():
            print(f"{station}  {name}")
    elif arguments.station not in stations():
        print(f"no station {arguments.station}", file=sys.stderr)
        return 2
    else:
        print(report(arguments.station, arguments.day, arguments.lang, arguments.filter), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
