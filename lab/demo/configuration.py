# SPDX-License-Identifier: Apache-2.0
# The configuration the demo serves: all three modes on one port, in front of two servers. Nothing is started here.
"""The demo's Handfast configuration as text."""


def servers(pairs):
    return "".join(f'      - {{name: {name}, address: "{address}"}}\n' for name, address in pairs)


def handfast(certificate, ca_file, plain, encrypted, admin=None):
    """`plain` and `encrypted`: [(name, address)] of the servers' HTTP and HTTPS ports."""
    return f"""\
# One port, three ways. What a path or a name leads to is said by the sites.
listeners:
  - {{bind: "127.0.0.1:0", tls: true}}

{f'admin: {admin}' if admin else '# no admin socket'}

sites:
  - name: portal
    hosts: [lb.example.test]
    certificates: [{{chain: {certificate.chain}, key: {certificate.key}}}]
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
    tls: {{ca: {ca_file}}}
    servers:
{servers(encrypted)}
  - name: nodes
    servers:
{servers(encrypted)}"""
