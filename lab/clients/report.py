# SPDX-License-Identifier: Apache-2.0
"""The command line and the report that every Python client of the lab shares.

    CLIENT URL --person NAME --scheme kerberos|ntlm --ca FILE [--password PW | --ccache FILE]

A client makes a few requests (GET, POST, GET) and prints one JSON object: what each answer said,
and whether all of them named one person. report.js does the same for the JavaScript clients.
"""

import argparse
import hashlib
import json
import sys

POST_BODY = b"handfast " * 2000
DOMAIN = "EXAMPLE"


def arguments(client, schemes):
    """Parses sys.argv for a client that can log in by these schemes."""
    parser = argparse.ArgumentParser(prog=client)
    parser.add_argument("url")
    parser.add_argument("--person", required=True, help="who logs in, and is expected in answers")
    parser.add_argument("--scheme", required=True, choices=schemes)
    parser.add_argument("--password", default="", help="for ntlm")
    parser.add_argument("--ccache", default="FILE:/nonexistent", help="for kerberos")
    parser.add_argument("--domain", default=DOMAIN)
    parser.add_argument("--ca", required=True)
    return parser.parse_args()


class Report:
    """Collects answers; finish() prints the report and ends the process.

    status  the first status that is not 200, else 200; 0 when an answer never came
    person  the one name all answers gave, else null; server likewise
    """

    def __init__(self, client, options):
        self.client = client
        self.options = options
        self.requests = []
        self.error = None

    def add(self, method, url, status, body, sent=b""):
        said = read_page(body)
        entry = {"method": method, "url": url, "status": status,
                 "person": said.get("person"), "server": said.get("server")}
        if sent and "body_sha1" in said:
            entry["body_intact"] = said["body_sha1"] == hashlib.sha1(sent).hexdigest()
        self.requests.append(entry)

    def fail(self, error):
        self.error = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else error

    def finish(self):
        statuses = [entry["status"] for entry in self.requests]
        result = {
            "client": self.client,
            "scheme": self.options.scheme,
            "status": next((s for s in statuses if s != 200), 200) if statuses else 0,
            "person": only({entry["person"] for entry in self.requests}),
            "server": only({entry["server"] for entry in self.requests}),
            "requests": self.requests,
            "error": self.error,
        }
        print(json.dumps(result))
        good = (result["status"] == 200 and result["person"] == self.options.person
                and not self.error)
        sys.exit(0 if good else 1)


def only(values):
    return next(iter(values)) if len(values) == 1 else None


def read_page(body):
    """The 'name: value' lines of the lab's page; nothing at all for any other page."""
    lines = body.decode("utf-8", "replace").splitlines()
    said = dict(line.split(": ", 1) for line in lines if ": " in line)
    return said if "server" in said else {}
