#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Python requests with requests-kerberos as a client of the lab; it logs in after the challenge."""

import os

import requests
from requests_kerberos import OPTIONAL, HTTPKerberosAuth

import report


def main():
    options = report.arguments("requests-kerberos", ["kerberos"])
    os.environ["KRB5CCNAME"] = options.ccache
    result = report.Report("requests-kerberos", options)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = options.ca
        # OPTIONAL: Squid sends no token of its own with the 200.
        session.auth = HTTPKerberosAuth(mutual_authentication=OPTIONAL)
        try:
            for method in ("GET", "POST", "GET"):
                body = report.POST_BODY if method == "POST" else b""
                answer = session.request(method, options.url, data=body or None, timeout=30)
                result.add(method, answer.url, answer.status_code, answer.content, body)
        except requests.RequestException as error:
            result.fail(error)
    result.finish()


if __name__ == "__main__":
    main()
