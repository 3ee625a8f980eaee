# SPDX-License-Identifier: Apache-2.0
# Stages about names: what DNS says and where a redirect leads.
"""DNS and redirects."""

from lab.faults.place import HOST_RECORDS, RECORDS, SERVICE_RECORDS, without
from lab.faults.registry import fault
from lab.faults.stage import GONE


@fault("name-unknown", "name_unknown", records=without("lb"))
def _(s):
    """DNS does not know the site's name"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("curl finds nothing", "resolve host" in s.run("curl", "-skS", s.url))
    s.prove("the front is there", s.ask().status == 401)


@fault("node-name-unknown", "node_closed")
def _(s):
    """the name that is given for a node has no address"""
    s.nodes()
    s.handfast("passthrough")
    s.direct = ["iis1=127.0.0.21:443", "iis9=iis9.example.test:443"]
    s.prove("curl does not find it", "resolve host" in s.run("curl", "-skS",
                                                             "https://iis9.example.test/"))


@fault("redirect-to-unknown", "nodes_not_reachable_by_name", records=without("iis1", "iis2"))
def _(s):
    """Handfast redirects to nodes whose names DNS does not know"""
    s.nodes(certificate="wildcard-ecdsa")
    s.handfast("redirect", certificate="wildcard-ecdsa")
    s.prove("a redirect to a node", "iis" in s.ask().one("Location"))
    s.prove("which curl does not find", "resolve host" in s.run("curl", "-skSL", s.url))


@fault("redirect-to-closed", "nodes_not_reachable_by_name",
       records=without("iis1", "iis2") + ["host-record=iis1.example.test,127.0.0.41",
                                          "host-record=iis2.example.test,127.0.0.42"])
def _(s):
    """Handfast redirects to nodes whose names lead to closed ports"""
    s.nodes(certificate="wildcard-ecdsa")
    s.handfast("redirect", certificate="wildcard-ecdsa")
    s.prove("refused", GONE in s.run("curl", "-skSL", s.url))


@fault("reverse-differs", "reverse_differs", note=True,
       records=[record.replace(",lb,", ",") for record in HOST_RECORDS if "lb" not in record] +
       SERVICE_RECORDS + ["address=/lb.example.test/127.0.0.30",
                          "ptr-record=30.0.0.127.in-addr.arpa,other.example.test"])
def _(s):
    """the address leads back to another name"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("curl finds the site", s.run("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}",
                                         s.url) == "401")


@fault("short-name-missing", "short_name_missing", note=True,
       records=[record.replace(",lb,", ",") for record in RECORDS])
def _(s):
    """the short name is not in DNS"""
    s.nodes()
    s.handfast("passthrough")
    s.prove("curl does not find it", "resolve host" in s.run("curl", "-skS", "https://lb/"))
