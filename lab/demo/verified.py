# SPDX-License-Identifier: Apache-2.0
# The demo asks Handfast itself, too: `handfast verify` logs in through every route with clients of
# its own, which share nothing with the people of the measure. Starts nothing but that.
"""The table of `handfast verify` for one running Handfast."""

import os

from lab import balancer

PEOPLE = ("alice", "bob")


def accounts(stage, realm):
    """Options that say who logs in; passwords go by files that only we can read."""
    options = []
    for person in PEOPLE:
        path = os.path.join(stage.directory, f"{person}.password")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as file:
            file.write(stage.password(person) + "\n")
        options += ["--as", f"{person}@{realm}", "--password-file", path]
    return options


def verify(front, stage, realm="EXAMPLE.TEST"):
    """(what it said, whether all of it holds). Reloads that Handfast in the middle."""
    done = stage.run([balancer.binary(), "verify", "-c", front.balancer.config_file,
                      "--address", front.ways[0].address, "--port", str(front.port),
                      "--ca", str(stage.ca_file), "--reload", *accounts(stage, realm)])
    said = (done.stdout + done.stderr).decode("utf-8", "replace").rstrip()
    return said, done.returncode == 0
