# SPDX-License-Identifier: Apache-2.0
# The demo: brings a lab up, measures, prints the table, stays up or not. Everything it starts it
# stops, whatever happens: at the end, at Ctrl-C, at TERM, at a failure.
"""Handfast, measured on a domain of its own.

Exit status: 0 every cell of Handfast holds, 1 one does not, 2 nothing could be measured,
130 or 143 ended by Ctrl-C or TERM before the table was complete.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import time

from lab import balancer
from lab.demo import measure, table, verified
from lab.demo.domain_stage import DomainStage
from lab.demo.embedded_stage import EmbeddedStage
from lab.demo.peers import KINDS, Peer, PeerError

COMMANDS = {"curl": "demo", "kinit": "demo"}
EMBEDDED_COMMANDS = {"krb5kdc": "demo", "kadmin.local": "demo"}


class Ended(BaseException):
    """A signal asked for the end. Not an Exception: nothing on the way may take it for a fault."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def say(text="", end="\n"):
    """Prints. When nobody reads any more, the run ends as if the terminal had been closed."""
    try:
        print(text, end=end, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        raise Ended(signal.SIGHUP) from None


def end_on_signals():
    """The first signal ends the run; those after it must not disturb the cleaning up."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number, _frame):
        for one in watched:
            signal.signal(one, signal.SIG_IGN)
        raise Ended(number)

    for one in watched:
        signal.signal(one, end)


# Measuring

def measure_ways(ways, stage, seed):
    """A cell for every way and kind of login, a line of progress each."""
    pairs = [(way, scheme) for way in ways for scheme in way.schemes]
    width = max(len(f"{way.name}, {table.SCHEMES[scheme]}") for way, scheme in pairs)
    cells = []
    for number, (way, scheme) in enumerate(pairs, 1):
        title = f"{way.name}, {table.SCHEMES[scheme]}"
        say(f"  {number:2}/{len(pairs)}  {title.ljust(width)}  ", end="")
        cells.append(measure.measure_cell(way, scheme, stage, seed))
        say(cells[-1].verdict())
    return cells


def measure_handfast(stage, seed):
    say("\nHandfast:")
    cells = measure_ways([way for front in stage.fronts for way in front.ways], stage, seed)
    say("\n" + table.render(cells))
    return cells


def verify_handfast(stage):
    """Faults, a line each: what its own clients say of every route, while it reloads."""
    faults = []
    for front in stage.fronts:
        said, holds = verified.verify(front, stage)
        title = f"handfast verify{', before ' + front.name if front.name else ''}"
        say(f"\n{title}, by clients of its own, with a reload in the middle:\n\n{said}")
        if not holds:
            faults.append(f"{title}: not every login works as it must")
    return faults


def measure_peers(stage, seed):
    """The same before the same servers. A peer that does not start is named and left out."""
    say("\nThe same people, the same servers in plain HTTP, through balancers of Debian:")
    with contextlib.ExitStack() as stack:
        ways = []
        for kind in KINDS:
            try:
                peer = stack.enter_context(
                    Peer(kind, stage.directory, stage.certificate, stage.plain))
                ways += peer.ways(stage.ca_file)
            except PeerError as error:
                say(f"  left out: {error}")
        cells = measure_ways(ways, stage, seed) if ways else []
    say("\n" + table.render(cells))
    return cells


# Staying up

def commands_for(front, bob):
    """What can be tried with one Handfast. bob: how curl logs in as bob by NTLM."""
    base = f"https://lb.example.test:{front.port}"
    program = balancer.binary()
    tries = [
        (f"try --negotiate -u : {base}/tls/", "Kerberos, forwarded over TLS"),
        (f"try --negotiate -u : https://iis2.example.test:{front.port}/", "passed through"),
        (f"try -L --location-trusted --negotiate -u : {base}/redirect/", "sent, passed through"),
        (f"{program} status -s {front.admin}", "sites, pools, servers"),
        (f"{program} pins -s {front.admin}", "who holds which link"),
        (f"less {front.balancer.config_file}", "the configuration"),
        (f"tail -f {front.balancer.log_file}", "who logged in, how, where"),
    ]
    if "ntlm" in front.ways[0].schemes:
        tries.insert(0, (f"try {bob} {base}/plain/", "NTLM, forwarded in plain HTTP"))
    return [f"{command}    # {what}" for command, what in tries]


def invitation(stage):
    """What to type in another terminal."""
    bob = f"--ntlm -u 'EXAMPLE\\bob:{stage.password('bob')}'"
    parts = ["Up until Ctrl-C. To try it, paste this into another terminal:", "",
             stage.shell_setup(), "", "# and then any of these:"]
    for front in stage.fronts:
        parts += ["", *([f"# before {front.name}"] if front.name else []),
                  *commands_for(front, bob)]
    return "\n".join(parts)


def stay_up(stage):
    say("\n" + invitation(stage))
    try:
        while True:
            signal.pause()
    except Ended:
        say("\nStopping everything ...")


# The run

def judge(cells, stage, more_faults=()):
    """The last words about Handfast; the exit status."""
    faults = [*table.faults_of(cells), *more_faults]
    for fault in faults:
        say(f"DOES NOT HOLD  {fault}")
    if not faults:
        say(f"Handfast: every one of {len(cells)} cells holds.")
        return 0
    say(f"Handfast: {len(faults)} faults. Its log, kept for you:")
    for front in stage.fronts:
        front.keep_files = True
        say(f"  {front.balancer.log_file}  ({front.balancer.error_file}: what else it said)")
    return 1


def run(options):
    stage_class = DomainStage if options.domain else EmbeddedStage
    say(f"Bringing up {stage_class.sentence},\nand Handfast in front of them: three configurations"
        " on one port.")
    began = time.monotonic()
    with stage_class() as stage:
        say(f"Up after {time.monotonic() - began:.1f} s. Through each configuration, by Kerberos"
            " and by NTLM: curl once, one login\nwith two more requests, then"
            f" {measure.PEOPLE} people x {measure.REQUESTS} requests at once,"
            " the name in every answer checked.")
        cells = measure_handfast(stage, options.seed)
        verify_faults = verify_handfast(stage)
        peer_cells = measure_peers(stage, options.seed) if options.peers else []
        say("\n" + table.LEGEND + "\n")
        status = judge(cells, stage, verify_faults)
        say(f"{time.monotonic() - began:.0f} s in all; seed {options.seed}.")
        if options.peers:
            say(table.proof_of(peer_cells))
        if not options.once:
            stay_up(stage)
    if not options.once:
        say("Everything is stopped.")
    return status


def read_options():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="measure, print, end; do not stay up")
    parser.add_argument("--peers", action="store_true",
                        help="also HAProxy, nginx, Apache and Caddy; they do not change the status")
    parser.add_argument("--domain", action="store_true",
                        help="before Apache and Squid in a Samba domain; needs root")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31),
                        help="of the requests' paths; printed, so that a run can be repeated")
    options = parser.parse_args()
    if options.domain and options.peers:
        parser.error("--peers measures before the stand-ins: give it without --domain")
    return options


def check_requirements(options):
    """Fails before anything is started rather than in the middle."""
    balancer.binary()
    wanted = COMMANDS if options.domain else {**COMMANDS, **EMBEDDED_COMMANDS}
    for command, group in wanted.items():
        if not shutil.which(command):
            raise RuntimeError(f"{command} is missing: scripts/install {group}")


def main():
    options = read_options()
    end_on_signals()
    try:
        check_requirements(options)
        return run(options)
    except Ended as ended:
        say(f"\nEnded by {signal.Signals(ended.number).name}; everything is stopped.")
        return 128 + ended.number
    except AssertionError as error:
        say(f"\nDOES NOT HOLD  {error}")
        return 1
    except Exception as error:  # whatever the lab could not do, in one line and not a stack
        say(f"\nNothing could be measured: {type(error).__name__}: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
