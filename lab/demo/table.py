# SPDX-License-Identifier: Apache-2.0
# The comparison table: what was measured per configuration and login, whether it holds, and what
# the run as a whole proves. Pure: no clock, no process, no socket.
"""Cells, their verdict, and the table as text."""

from dataclasses import dataclass, field

SCHEMES = {
    "krb": "Kerberos unasked",
    "krb401": "Kerberos after 401",
    "ntlm": "NTLM",
}


@dataclass
class Cell:
    """One configuration with one kind of login."""

    configuration: str
    scheme: str
    curl: str = ""  # the name curl was answered with
    curl_said: str = ""  # its complaint, when it was answered with none
    one: str = "---"  # a login and two requests without asking again
    asked: int = 0
    right: int = 0
    wrong: int = 0  # answers that named somebody else
    odd: int = 0  # answers that named nobody else, and still belong to another login or request
    again: int = 0  # 401s on a connection that had logged in, or for a login
    lost: int = 0  # connections that ended before the answer, and requests given up
    named: int = 0  # anonymous requests that were answered with a name
    anonymous: int = 0
    seconds: float = 0.0
    problems: list = field(default_factory=list)  # why it could not be measured

    def faults(self):
        """What is wrong with it, in words; empty when all is well."""
        checks = (
            (self.curl != "alice", f"curl logged in as '{self.curl or 'nobody'}', not as alice"
             + (f" ({self.curl_said})" if self.curl_said else "")),
            (self.one != "YYY", f"a login and two more requests gave {self.one}, not YYY"),
            (self.asked == 0, "nothing was asked"),
            (self.right != self.asked,
             f"{self.right} of {self.asked} answers named the right person"),
            (self.wrong, f"{self.wrong} ANSWERS NAMED SOMEBODY ELSE"),
            (self.odd, f"{self.odd} answers belong to another login or another request"),
            (self.again, f"{self.again} times somebody was asked to log in again"),
            (self.lost, f"{self.lost} times no answer came"),
            (self.anonymous == 0, "no anonymous client was measured"),
            (self.named, f"{self.named} ANONYMOUS REQUESTS WERE ANSWERED WITH A NAME"),
        )
        return [*self.problems, *(said for found, said in checks if found)]

    def holds(self):
        return not self.faults()

    def mixed(self):
        """Answers that named a wrong person: another one, or one where nobody had logged in."""
        return self.wrong + self.named

    def verdict(self):
        if self.holds():
            return "holds"
        return "MIXES" if self.mixed() or self.odd else "fails"


HEAD = ("configuration", "login", "verdict", "curl", "1+2", "right", "WRONG", "odd", "again",
        "lost", "anonymous", "s")
LEFT = 5  # so many columns are aligned left, the rest are numbers


def row_of(cell):
    return (cell.configuration, SCHEMES[cell.scheme], cell.verdict(), cell.curl or "no", cell.one,
            f"{cell.right}/{cell.asked}", str(cell.wrong), str(cell.odd), str(cell.again),
            str(cell.lost), f"{cell.named}/{cell.anonymous}", f"{cell.seconds:.1f}")


def line_of(row, widths):
    cells = [text.ljust(width) if column < LEFT else text.rjust(width)
             for column, (text, width) in enumerate(zip(row, widths))]
    return "  ".join(cells).rstrip()


def render(cells):
    rows = [row_of(cell) for cell in cells]
    widths = [max(len(row[column]) for row in [HEAD, *rows]) for column in range(len(HEAD))]
    lines = [line_of(HEAD, widths), line_of(["-" * width for width in widths], widths)]
    previous = None
    for row in rows:
        if previous not in (None, row[0]):
            lines.append("")
        lines.append(line_of(("" if row[0] == previous else row[0], *row[1:]), widths))
        previous = row[0]
    return "\n".join(lines)


def faults_of(cells):
    """Every fault of every cell, a line each."""
    return [f"{cell.configuration}, {SCHEMES[cell.scheme]}: {fault}"
            for cell in cells for fault in cell.faults()]


def proof_of(cells):
    """Whether the measure found mixed-up people where they are to be expected."""
    total = sum(cell.mixed() for cell in cells)
    through = dict.fromkeys(cell.configuration for cell in cells if cell.mixed())
    if not total:
        return "The measure can fail: NOT SHOWN, no answer named a wrong person through a peer."
    return (f"The measure can fail: yes, {total} answers named a wrong person through "
            + "; ".join(through) + ".")


LEGEND = """\
verdict    holds: all of this is as it must be. MIXES: people got each other's answers. fails: else
curl       who curl was told it is, after one login ("no": it was not let in)
1+2        one connection: a login, then two requests without credentials.
           Y right person, n asked to log in again, ! somebody else, - no answer
right      50 people at once, 20 requests each on a connection of their own: answers that named
           the person who asked, of those asked for
WRONG      of these, answers that named SOMEBODY ELSE
odd        named nobody else, but were given before any login, or to another request or login
again      times a person who had logged in was asked to log in again, or a login was refused
lost       connections that ended before their answer, and requests given up after six attempts
anonymous  requests of clients that never log in, among the 50: answered with a name, of all
s          seconds for the 50 people; a loaded machine takes longer"""
