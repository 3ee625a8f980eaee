#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Python requests with requests-ntlm as a client of the lab; it sends a channel binding on TLS."""

import requests
from cryptography.hazmat.backends import default_backend
from requests_ntlm import HttpNtlmAuth

import report

# Loads OpenSSL's legacy provider, where MD4 is. requests-ntlm itself does so only on TLS, when it
# hashes the server's certificate; without it NTLM on plain HTTP ends in an exception.
default_backend()


def main():
    options = report.arguments("requests-ntlm", ["ntlm"])
    result = report.Report("requests-ntlm", options)
    with requests.Session() as session:
        # Or variables such as REQUESTS_CA_BUNDLE would override the authority given.
        session.trust_env = False
        session.verify = options.ca
        session.auth = HttpNtlmAuth(f"{options.domain}\\{options.person}", options.password)
        try:
            for method in ("GET", "POST", "GET"):
                body = report.POST_BODY if method == "POST" else b""
                answer = session.request(method, options.url, data=body or None, timeout=30)
                result.add(method, answer.url, answer.status_code, answer.content, body)
        # After a refusal requests-ntlm may look for a challenge that is not there, and raise
        # whatever its parser raises.
        except (requests.RequestException, LookupError, RuntimeError, StopIteration) as error:
            result.fail(error)
    result.finish()


if __name__ == "__main__":
    main()
