# SPDX-License-Identifier: Apache-2.0
# The comparison table: what was measured per configuration and scheme, and whether it holds. Pure: no clock, no process.
"""Cells, their verdict, and the table as text."""

from dataclasses import dataclass, field

SCHEMES = {
    "krb": "Kerberos, token unasked",
    "krb401": "Kerberos, after a 401",
    "ntlm": "NTLM",
}


@dataclass
class Cell:
    """One configuration with one scheme."""
    configuration: str
    scheme: str
    curl: str = "?"  # the name curl was answered with
    one: str = "---"  # a login and two requests without asking again
    asked: int = 0
    right: int = 0
    wrong: int = 0
    refused: int = 0
    failed: int = 0
    named: int = 0  # anonymous clients that were given a name
    anonymous: int = 0
    seconds: float = 0.0
    problems: list = field(default_factory=list)

    def holds(self):
        return not self.faults()

    def faults(self):
        """What is wrong with it, in words; empty when all is well."""
        found = list(self.problems)
        if self.curl not in ("alice", "-"):
            found.append(f"curl was answered as '{self.curl}', not alice")
        if self.one != "YYY":
            found.append(f"a login and two more requests gave {self.one}, not YYY")
        if self.asked == 0 or self.right != self.asked:
            found.append(f"{self.right} of {self.asked} answers named the right person")
        if self.wrong:
            found.append(f"{self.wrong} ANSWERS NAMED SOMEBODY ELSE")
        if self.named:
            found.append(f"{self.named} anonymous clients were given a name")
        if self.failed:
            found.append(f"{self.failed} requests got no answer")
        return found


HEAD = ("configuration", "scheme", "curl", "1+2", "right", "WRONG", "401 later", "failed", "anonymous named", "ms")


def rows_of(cells):
    for cell in cells:
        each = f"{cell.seconds * 1000 / cell.asked:.2f}" if cell.asked else "-"
        yield (cell.configuration, SCHEMES.get(cell.scheme, cell.scheme), cell.curl, cell.one,
               f"{cell.right}/{cell.asked}", str(cell.wrong), str(cell.refused), str(cell.failed),
               f"{cell.named}/{cell.anonymous}", each)


def render(cells):
    rows = [HEAD, *rows_of(cells)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = []
    previous = None
    for number, row in enumerate(rows):
        if number > 1 and row[0] != previous:
            lines.append("")
        shown = ("" if row[0] == previous and number > 1 else row[0], *row[1:])
        previous = row[0]
        lines.append("  ".join(text.ljust(width) for text, width in zip(shown, widths)).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


LEGEND = """\
curl: who curl was told it is, one login.   1+2: a login, then two requests without credentials on the same
connection: Y right person, n asked again, ! somebody else.   right: answers that named the person who asked,
50 people at once.   anonymous named: clients without credentials that were served as somebody."""
