#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""curl as a client of the lab: three requests in one process, so on one connection if it is kept.

--asked makes curl wait for the challenge; otherwise it sends a Kerberos token with the first
request, unasked.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import report


def main():
    asked = "--asked" in sys.argv
    if asked:
        sys.argv.remove("--asked")
    options = report.arguments("curl", ["kerberos", "ntlm"])
    result = report.Report("curl", options)
    with tempfile.TemporaryDirectory(prefix="curl-") as directory:
        talk(options, asked, Path(directory), result)
    result.finish()


def talk(options, asked, directory, result):
    (directory / "body").write_bytes(report.POST_BODY)
    methods = ["GET", "POST", "GET"]
    command = ["curl"]
    for index, method in enumerate(methods):
        if index:
            command.append("--next")
        # --location-trusted: a redirect leads to the chosen server's own name, where to log in.
        command += ["--silent", "--show-error", "--cacert", options.ca, "--location-trusted",
                    *login(options, asked), "--output", f"{directory}/{index}",
                    "--write-out", "%{json}\\n"]
        if method == "POST":
            command += ["--data-binary", f"@{directory}/body"]
        command.append(options.url)
    env = {**os.environ, "KRB5CCNAME": options.ccache}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    for index, line in enumerate(done.stdout.splitlines()):
        answer = json.loads(line)
        page = directory / str(index)
        result.add(methods[index], answer["url_effective"], answer["http_code"],
                   page.read_bytes() if page.exists() else b"",
                   report.POST_BODY if methods[index] == "POST" else b"")
    if done.returncode:
        result.fail(f"curl: exit {done.returncode}: {done.stderr.strip()}")


def login(options, asked):
    if options.scheme == "ntlm":
        return ["--ntlm", "--user", f"{options.domain}\\{options.person}:{options.password}"]
    return ["--anyauth" if asked else "--negotiate", "--user", ":"]


if __name__ == "__main__":
    main()
