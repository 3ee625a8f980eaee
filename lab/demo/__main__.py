# SPDX-License-Identifier: Apache-2.0
# The demo: brings the lab up, measures, prints the table, stays up or not. Everything it starts it stops, whatever happens.
"""python3 -m lab.demo [--once]"""

import argparse
import os
import random
import signal
import sys
import time

from lab.balancer import Balancer
from lab.demo import configuration, measure, table
from lab.embedded.domain import Domain, password
from lab.people.logins import read_people


def say(text=""):
    print(text, flush=True)


def ways_through(port, ca_file):
    base = f"https://lb.example.test:{port}"
    return [
        measure.Way("passthrough", f"https://iis1.example.test:{port}/", port, ca_file),
        measure.Way("forward, plain to server", f"{base}/plain/", port, ca_file),
        measure.Way("forward, TLS to server", f"{base}/tls/", port, ca_file),
        measure.Way("redirect + passthrough", f"{base}/redirect/", port, ca_file, follows=True),
    ]


def measure_all(ways, crowd, env, seed):
    cells = []
    for way in ways:
        for scheme in table.SCHEMES:
            cell = measure.measure_cell(way, scheme, crowd, password("alice"), env, seed)
            say(f"  {way.name}, {table.SCHEMES[scheme]}: {'holds' if cell.holds() else 'DOES NOT HOLD'}")
            cells.append(cell)
    return cells


def invitation(domain, balancer, port):
    resolve = " ".join(f"--resolve {name}.example.test:{port}:127.0.0.1" for name in ("lb", "iis1", "iis2"))
    ticket = domain.ticket("alice")
    return f"""
Try it (another terminal):

  export KRB5_CONFIG={os.path.join(domain.directory, 'krb5.conf')} KRB5CCNAME={ticket}
  try() {{ /usr/bin/curl -sS --cacert {domain.ca_file} {resolve} "$@"; }}

  try --negotiate -u : https://lb.example.test:{port}/tls/                       # Kerberos, forwarded
  try --ntlm -u 'EXAMPLE\\bob:{password('bob')}' https://lb.example.test:{port}/plain/   # NTLM, forwarded
  try --negotiate -u : https://iis2.example.test:{port}/                         # Kerberos, passed through
  try -L --location-trusted --negotiate -u : https://lb.example.test:{port}/redirect/

  the log            tail -f {balancer.log_file}
  the configuration  {balancer.config_file}

Ctrl-C ends it."""


def run(options):
    say("A small domain, two servers that authenticate connections as IIS does, and Handfast in front of them on one port:")
    say("logging in by Kerberos and NTLM through all three configurations, 50 people at once, anonymous clients beside them.")
    began = time.monotonic()
    with Domain() as domain:
        nodes = [domain.iis("iis1"), domain.iis("iis2")]
        text = configuration.handfast(
            domain.certificate("lb-ecdsa"), domain.ca_file,
            [(f"{node.name}.example.test", f"127.0.0.1:{node.http}") for node in nodes],
            [(f"{node.name}.example.test", f"127.0.0.1:{node.https}") for node in nodes],
            admin=os.path.join(domain.directory, "admin.sock"))
        with Balancer(text) as balancer:
            port = balancer.ports[0]
            say(f"Up after {time.monotonic() - began:.1f} s: https://lb.example.test:{port}/")
            os.environ["KRB5_CONFIG"] = os.path.join(domain.directory, "krb5.conf")
            crowd = read_people(domain.user_file, domain.directory)[:measure.PEOPLE]
            domain.tickets([person.name for person in crowd])
            cells = measure_all(ways_through(port, domain.ca_file), crowd, domain.env("alice"), options.seed)
            say("\n" + table.render(cells) + "\n\n" + table.LEGEND)
            faults = [(cell, fault) for cell in cells for fault in cell.faults()]
            for cell, fault in faults:
                say(f"DOES NOT HOLD: {cell.configuration}, {table.SCHEMES[cell.scheme]}: {fault}")
            say(f"\n{'Every cell holds' if not faults else f'{len(faults)} faults'}; seed {options.seed};"
                f" {time.monotonic() - began:.0f} s in all.")
            if not options.once:
                say(invitation(domain, balancer, port))
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Handfast, measured on a domain of its own.")
    parser.add_argument("--once", action="store_true", help="do not stay up; exit 0 only if every cell holds")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    options = parser.parse_args()
    if not options.once:
        # so that Ctrl-C ends the wait and not the clean-up after it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return run(options)
    except KeyboardInterrupt:
        return 130


sys.exit(main())
