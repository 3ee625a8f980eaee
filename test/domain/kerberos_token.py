# SPDX-License-Identifier: Apache-2.0
"""Prints one SPNEGO token (base64) for the service named, e.g. HTTP@iis1.example.test.

A program of its own because it must run inside the domain's namespace, where the KDC is.
"""

import base64
import sys

import gssapi

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")

service = gssapi.Name(sys.argv[1], gssapi.NameType.hostbased_service)
context = gssapi.SecurityContext(name=service, mech=SPNEGO, usage="initiate")
print(base64.b64encode(context.step()).decode())
