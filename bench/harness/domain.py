# SPDX-License-Identifier: Apache-2.0
"""The embedded domain of the lab as the bench needs it: one stand-in of IIS on the load's core.

Only the login rows need it, and it needs more packages than the rest: domain_missing() says what.
"""

import os
import shutil
import sys
from pathlib import Path

from harness.products import put_first

ROOT = Path(__file__).resolve().parent.parent.parent
THROUGH = "lb.example.test"
DIRECT = "iis1.example.test"


def domain_missing():
    """What is not installed, or an empty string."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [program for program in ("krb5kdc", "kadmin.local", "kinit")
               if shutil.which(program, path=path) is None]
    try:
        import gssapi  # noqa: F401
    except ImportError:
        missing.append("python3-gssapi")
    return ", ".join(missing)


class LoginDomain:
    """Up after __init__, gone after close()."""

    def __init__(self, directory):
        sys.path.insert(0, str(ROOT))
        from lab.embedded.domain import Domain
        self.domain = Domain(str(directory / "domain")).up()
        try:
            self.iis = self.domain.iis("iis1", verbose=False)
            put_first(self.iis.process.pid)
            pair = self.domain.certificate("lb-ecdsa")
            self.pem = directory / "login.pem"
            self.pem.write_text(Path(pair.chain).read_text() + Path(pair.key).read_text())
            self.values = {"login_chain": pair.chain, "login_key": pair.key,
                           "login_pem": self.pem, "iis_http": self.iis.http,
                           "iis_https": self.iis.https}
        except BaseException:
            self.close()
            raise

    def arguments(self, kind, port, passes, units):
        """The command line of login_load.py; passes: through the proxy untouched."""
        host = DIRECT if passes else THROUGH
        return ["--kind", kind, "--url", f"https://{host}:{port}",
                "--direct-url", f"https://{DIRECT}:{self.iis.https}",
                "--ca", self.domain.ca_file, "--users", self.domain.user_file,
                "--ccaches", self.domain.directory, "--units", str(units)]

    def environment(self):
        return self.domain.env()

    def close(self):
        self.domain.down()
