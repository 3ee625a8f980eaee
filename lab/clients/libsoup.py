#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libsoup 3 (GNOME's HTTP library, through gi) as a client of the lab.

It sends Kerberos tokens only over TLS.
"""

import os
import sys

import gi

import report

gi.require_version("Soup", "3.0")
# pylint: disable=wrong-import-position
from gi.repository import Gio, GLib, Soup

NTLM_AUTH = "/usr/bin/ntlm_auth"
HIDDEN = "LIBSOUP_WITHOUT_NTLM_AUTH"


def main():
    hide_single_sign_on()
    options = report.arguments("libsoup", ["kerberos", "ntlm"])
    os.environ["KRB5CCNAME"] = options.ccache
    result = report.Report("libsoup", options)
    session = Soup.Session()
    session.set_timeout(30)
    session.set_tls_database(Gio.TlsFileDatabase.new(options.ca))
    session.add_feature_by_type(Soup.AuthNTLM if options.scheme == "ntlm" else Soup.AuthNegotiate)
    try:
        for method in ("GET", "POST", "GET"):
            talk(session, method, options, result)
    except GLib.Error as error:
        result.fail(error.message)
    result.finish()


def talk(session, method, options, result):
    body = report.POST_BODY if method == "POST" else b""
    message, answer = send(session, method, options.url, body, options)
    if message.get_status() == Soup.Status.TEMPORARY_REDIRECT:
        # libsoup repeats only GET and HEAD elsewhere by itself; the rest is the program's choice.
        target = message.get_response_headers().get_one("Location")
        message, answer = send(session, method, target, body, options)
    result.add(method, message.get_uri().to_string(), message.get_status(), answer.get_data(), body)


def send(session, method, url, body, options):
    message = Soup.Message.new(method, url)
    message.connect("authenticate", offer_password, options)
    if body:
        give_body(message, body)
        # When libsoup sends a message again it does not start the body over by itself.
        message.connect("restarted", give_body, body)
    return message, session.send_and_read(message, None)


def give_body(message, body):
    message.set_request_body_from_bytes("application/octet-stream", GLib.Bytes.new(body))


def offer_password(_message, auth, retrying, options):
    """Answers libsoup's question for a password once; when it was refused, the 401 stands."""
    if options.scheme != "ntlm" or retrying:
        return False
    auth.authenticate(f"{options.domain}\\{options.person}", options.password)
    return True


def hide_single_sign_on():
    """Starts this program again where Samba's ntlm_auth cannot be run.

    libsoup asks it first for the password winbind remembers, and when there is none the first
    message ends with its 401 although a password is at hand.
    """
    if os.environ.get(HIDDEN) or os.geteuid() != 0 or not os.path.exists(NTLM_AUTH):
        return
    os.environ[HIDDEN] = "1"
    cover = f'mount --bind /dev/null {NTLM_AUTH} && exec "$0" "$@"'
    os.execvp("unshare", ["unshare", "--mount", "sh", "-c", cover, sys.executable, *sys.argv])


if __name__ == "__main__":
    main()
