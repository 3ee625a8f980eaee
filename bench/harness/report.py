# SPDX-License-Identifier: Apache-2.0
"""Numbers to tables. A ratio is made round by round, of neighbours in time, so that a slow moment
of the machine falls on both sides; what is shown is the median and the range of these ratios.
"""

from statistics import median

FIRST = "handfast"


def good(rounds):
    return [each for each in rounds if not each.error]


def spread(values):
    """{median, low, high} or None."""
    if not values:
        return None
    return {"median": median(values), "low": min(values), "high": max(values)}


def ratios(ours, theirs):
    return spread([one.figure / other.figure for one, other in zip(ours, theirs)
                   if not one.error and not other.error and other.figure > 0])


def summary(row, measured):
    """measured: {product: [Round]}. One JSON object for the row."""
    figures = {name: spread([each.figure for each in good(rounds)])
               for name, rounds in measured.items()}
    walls = {name: spread([each.wall_s for each in good(rounds)])
             for name, rounds in measured.items()}
    against = {name: ratios(measured[FIRST], rounds) for name, rounds in measured.items()
               if name != FIRST} if FIRST in measured else {}
    peers = {name: figures[name]["median"] for name in against if figures[name]}
    added = {name: spread([each.latency_added_us for each in good(rounds)])
             for name, rounds in measured.items()} if row.kind == "login" else {}
    return {"name": row.name, "title": row.title, "unit": row.unit, "clients": row.clients,
            "figure": figures, "wall_s": walls, "ratio": against,
            "latency_added_us": added,
            "better_peer": min(peers, key=peers.get) if peers else None,
            "rounds": {name: [each.as_json() for each in rounds]
                       for name, rounds in measured.items()}}


def number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def cell(figures, name):
    if name not in figures:
        return "cannot"
    return number(figures[name]["median"]) if figures[name] else "failed"


def ratio_cell(ratio):
    if ratio is None:
        return "–"
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})"


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def figures_table(rows, names):
    peers = [name for name in names if name != FIRST] if FIRST in names else []
    head = ["row", "unit", *names, *(f"{FIRST} / {name}" for name in peers)]
    text = line(head) + line(["---", "---", *("---:" for _ in head[2:])])
    for row in rows:
        cells = [row["title"], row["unit"], *(cell(row["figure"], name) for name in names)]
        for name in peers:
            shown = ratio_cell(row["ratio"].get(name))
            cells.append(f"**{shown}**" if name == row["better_peer"] else shown)
        text += line(cells)
    return text


def spread_table(rows, names, key, scale=1):
    text = line(["row", *names]) + line(["---", *("---:" for _ in names)])
    for row in rows:
        spreads = [row[key].get(name) for name in names]
        scaled = [each and {part: value * scale for part, value in each.items()}
                  for each in spreads]
        text += line([row["title"], *(ratio_cell(each) for each in scaled)])
    return text


def per_second_table(rows, names):
    text = line(["row", *names]) + line(["---", *("---:" for _ in names)])
    for row in rows:
        figures = [row["figure"].get(name) for name in names]
        text += line([row["title"], *(f"{1e6 / each['median']:.0f}" if each else "–"
                                      for each in figures)])
    return text


def table(rows, names):
    """The tables in Markdown: figures with ratios, latency of logins, wall time."""
    text = figures_table(rows, names)
    logins = [row for row in rows if row["latency_added_us"]]
    if logins:
        text += "\nLogins a second that one core of the proxy would carry:\n\n"
        text += per_second_table(logins, names)
        text += "\nLatency a login gains over a direct one in milliseconds, median (range):\n\n"
        text += spread_table(logins, names, "latency_added_us", 1e-3)
    text += "\nWall time of one round in seconds, median (range):\n\n"
    return text + spread_table(rows, names, "wall_s")


def failures(rows):
    """Sentences about rounds that failed."""
    said = []
    for row in rows:
        for name, rounds in row["rounds"].items():
            errors = [each["error"] for each in rounds if each["error"]]
            if errors:
                said.append(f"{row['name']}, {name}: {len(errors)} of {len(rounds)} rounds failed: "
                            f"{errors[0]}")
    return said
