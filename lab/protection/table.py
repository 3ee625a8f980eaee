# SPDX-License-Identifier: Apache-2.0
# What was measured as Markdown. Pure text: it judges nothing and starts nothing.
"""The tables of docs/extended-protection.md."""

from lab.protection.matrix import CLIENTS, SCHEMES, SETTINGS, WAYS, Cell

HEADS = {"none": "None", "allow": "Allow", "require": "Require", "allow-proxy": "Allow, Proxy, SPN",
         "require-proxy": "Require, Proxy, SPN", "require-cohosting": "Require, Proxy + ProxyCohosting, SPN"}
SAYS = {"matching": "bound to the certificate it was shown", "different": "bound to another certificate",
        "empty": "that there is no channel", "silent": "nothing"}


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def head(cells):
    return row(cells) + "|" + "---|" * len(cells) + "\n"


def word(measured, way, setting, client):
    """`passes` or `401`; both, where NTLM and Kerberos part."""
    words = {scheme: "passes" if measured.passes[Cell(way, setting, scheme, client)] else "**401**"
             for scheme in SCHEMES}
    if len(set(words.values())) == 1:
        return words["ntlm"]
    return ", ".join(f"{scheme}: {text}" for scheme, text in words.items())


def short(measured):
    """What becomes of Windows clients, beside what Handfast said of it."""
    text = head(["way", "verdict", *HEADS.values()])
    for name, way in WAYS.items():
        verdicts = {measured.verdicts[name, setting]["verdict"] for setting in SETTINGS}
        text += row([name, ", ".join(f"`{one}`" for one in sorted(verdicts)),
                     *(word(measured, name, setting, way.windows()) for setting in SETTINGS)])
    return text


def long(measured):
    """Every client on every way. Ways with the same answers share their rows."""
    answers = {}
    for name, way in WAYS.items():
        rows = tuple((client, *(word(measured, name, setting, client) for setting in SETTINGS))
                     for client in CLIENTS if way.tls or client != "matching")
        answers.setdefault(rows, []).append(name)
    text = head(["way", "the client says", *HEADS.values()])
    for rows, names in answers.items():
        for number, (client, *words) in enumerate(rows):
            text += row(["; ".join(names) if number == 0 else "", SAYS[client], *words])
    return text
