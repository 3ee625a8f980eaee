# SPDX-License-Identifier: Apache-2.0
# The configuration the demo serves: all three modes on one port, in front of two servers. Pure
# text; nothing is started here.
"""The demo's Handfast configuration as text."""


def servers(pairs):
    return "".join(f'      - {{name: {name}, address: "{address}"}}\n' for name, address in pairs)


def handfast(bind, certificate, ca_file, plain, encrypted, admin):
    """The whole file.

    bind: ADDRESS:PORT. certificate: (chain, key), files. plain, encrypted: [(name, address)] of the
    servers' HTTP and HTTPS ports. admin: the socket that `handfast status` asks.
    """
    chain, key = certificate
    return f"""\
# One port, three ways. What a path or a name leads to is said by the sites.
listeners:
  - {{bind: "{bind}", tls: true}}

admin: "{admin}"

sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{{chain: "{chain}", key: "{key}"}}]
    routes:
      - {{path: /plain/,    forward: plain}}       # our TLS, plain HTTP to the servers
      - {{path: /tls/,      forward: encrypted}}   # our TLS, their TLS
      - {{path: /redirect/, redirect: nodes}}      # go to one of them by its own name ...

  - name: nodes                                  # ... which comes back through this port, untouched
    hosts: [iis1.example.test, iis2.example.test]
    passthrough: nodes

pools:
  - name: plain
    servers:
{servers(plain)}
  - name: encrypted
    tls: {{ca: "{ca_file}"}}
    servers:
{servers(encrypted)}
  - name: nodes
    servers:
{servers(encrypted)}"""
