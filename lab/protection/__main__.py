#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Measures Extended Protection in the embedded lab and prints the two tables of docs/extended-protection.md. Writes
# nothing; everything it started ends with it.
"""python3 -m lab.protection [-v]: Markdown on standard output, with -v every cell on standard error."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from lab.embedded.domain import Domain  # noqa: E402, before authority, whose folder it names
from lab.protection import table  # noqa: E402
from lab.protection.matrix import measure  # noqa: E402


def main():
    with Domain() as domain:
        os.environ["KRB5_CONFIG"] = domain.path("krb5.conf")
        measured = measure(domain)
    if "-v" in sys.argv[1:]:
        for cell, passes in measured.passes.items():
            print(*cell, "passes" if passes else "401", sep="\t", file=sys.stderr)
    print(table.short(measured))
    print(table.long(measured))


if __name__ == "__main__":
    main()
