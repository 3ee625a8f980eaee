# SPDX-License-Identifier: Apache-2.0
# Configurations of other load balancers, each as somebody would write it, with room for the one
# thing that is wrong. Pure text; nothing is started here.
"""Texts for HAProxy, nginx, Apache and Caddy before two servers.

`nodes`: [(name, "ADDRESS:PORT")]. Unless a stage says otherwise they carry Windows authentication
as well as the product can: what a stage adds is the fault.
"""

FRONT = "127.0.0.30"
APACHE_MODULES = ("mpm_event", "authz_core", "proxy", "proxy_http", "proxy_balancer", "headers",
                  "lbmethod_byrequests", "slotmem_shm", "socache_shmcb", "ssl", "setenvif", "env",
                  "unixd")


def indented(lines):
    return "\n".join("    " + line for line in lines)


def haproxy(stage, nodes, *, front=(), back=(), server="", bind="", crt=None, tls=True,
            reuse="never", balance="source", bufsize=131072, sni=True, port=443, defaults=(),
            front_tls=True):
    """`server`: options behind each server. `bind`: behind the bind line."""
    crt = crt or stage.stem("lb-ecdsa") + ".both"
    to_node = f"ssl verify required ca-file {stage.base.ca_file} " if tls else ""
    if tls and sni:
        to_node += f"sni str({stage.site}) "
    servers = [f"server {name} {address} {to_node}{server}" for name, address in nodes]
    tls_bind = f"ssl crt {crt} " if front_tls else ""
    return f"""\
global
    nbthread 1
    tune.bufsize {bufsize}
    tune.ssl.default-dh-param 2048
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    http-reuse {reuse}
{indented(defaults)}
frontend clients
    bind {FRONT}:{port} {tls_bind}{bind or "alpn http/1.1"}
{indented(front)}
    default_backend nodes
backend nodes
    balance {balance}
{indented(back)}
{indented(servers)}
"""


def haproxy_tcp(_stage, nodes, *, front=(), balance="source"):
    servers = [f"server {name} {address}" for name, address in nodes]
    return f"""\
global
    nbthread 1
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
frontend clients
    bind {FRONT}:443
{indented(front)}
    default_backend nodes
backend nodes
    balance {balance}
{indented(servers)}
"""


def nginx(stage, nodes, *, upstream=(), location=(), server=(), http=(), tls=False, listen="",
          certificate="lb-ecdsa"):
    """Without more, `proxy_pass` as everybody writes it: HTTP/1.0, a connection per request."""
    stem = stage.stem(certificate)
    listed = indented([f"    server {address};" for _, address in nodes])
    here = stage.scratch
    temporary = "\n".join(f"    {kind}_temp_path {here}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""\
user www-data;
worker_processes 1;
pid {here}/nginx.pid;
error_log {here}/error.log;
events {{
    worker_connections 256;
}}
http {{
    access_log off;
{temporary}
{indented(http)}
    upstream nodes {{
{listed}
{indented("    " + line for line in upstream)}
    }}
    server {{
        listen {FRONT}:443 ssl {listen};
        server_name {stage.site};
        ssl_certificate {stem}.pem;
        ssl_certificate_key {stem}.key;
{indented("    " + line for line in server)}
        location / {{
            proxy_pass {"https" if tls else "http"}://nodes;
            proxy_set_header Host $host;
{indented("        " + line for line in location)}
        }}
    }}
}}
"""


def apache(stage, nodes, *, directives=(), member=""):
    """mod_proxy_balancer as its manual shows it."""
    stem = stage.stem("lb-ecdsa")
    here = stage.scratch
    modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
                        for name in APACHE_MODULES if name not in ("unixd",))
    listed = indented(f"BalancerMember http://{address} {member}" for _, address in nodes)
    return f"""\
{modules}
ServerName {stage.site}
ServerRoot {here}
DefaultRuntimeDir {here}
PidFile {here}/apache.pid
ErrorLog {here}/error.log
User www-data
Group www-data
LimitRequestFieldSize 65536
Listen {FRONT}:443
<VirtualHost {FRONT}:443>
    ServerName {stage.site}
    SSLEngine on
    SSLCertificateFile {stem}.pem
    SSLCertificateKeyFile {stem}.key
    ProxyPreserveHost On
    ProxyPass / balancer://nodes/
{indented(directives)}
</VirtualHost>
<Proxy balancer://nodes>
{listed}
</Proxy>
"""


def caddy(stage, nodes):
    stem = stage.stem("lb-ecdsa")
    listed = " ".join(address for _, address in nodes)
    return f"""\
{{
    admin off
    auto_https disable_redirects
    servers {{
        protocols h1
    }}
}}
https://{stage.site} {{
    bind {FRONT}
    tls {stem}.pem {stem}.key
    reverse_proxy {listed} {{
        lb_policy round_robin
    }}
}}
"""


def _handfast_servers(nodes):
    return "".join(f'      - {{name: {name}.example.test, address: "{address}"}}\n'
                   for name, address in nodes)


def handfast(stage, nodes, *, mode="forward", tls=True, certificate="lb-ecdsa", more="",
             pool_more="", certificates=None, path="/"):
    """mode: forward, passthrough or redirect."""
    pairs = ", ".join(f'{{chain: "{stage.stem(name)}.pem", key: "{stage.stem(name)}.key"}}'
                      for name in certificates or (certificate,))
    to_node = f'    tls: {{ca: "{stage.base.ca_file}", name: {stage.site}}}\n' if tls else ""
    pool = f"pools:\n  - name: nodes\n{to_node}{pool_more}    servers:\n{_handfast_servers(nodes)}"
    listener = f'listeners:\n  - {{bind: "{FRONT}:443", tls: true}}\n'
    admin = f'admin: "{stage.scratch}/admin.sock"\nlog: off\n'
    if mode == "passthrough":
        site = f"sites:\n  - name: site\n    hosts: [{stage.site}]\n    passthrough: nodes\n"
        pool = f"pools:\n  - name: nodes\n{pool_more}    servers:\n{_handfast_servers(nodes)}"
    elif mode == "redirect":
        pool = f"pools:\n  - name: nodes\n{pool_more}    servers:\n{_handfast_servers(nodes)}"
        own = ", ".join(f"{name}.example.test" for name, _ in nodes)
        site = (f"sites:\n  - name: site\n    hosts: [{stage.site}]\n    certificates: [{pairs}]\n"
                f"    routes:\n      - {{path: /, redirect: nodes}}\n"
                f"  - name: nodes\n    hosts: [{own}]\n    passthrough: nodes\n")
    else:
        site = (f"sites:\n  - name: site\n    hosts: [{stage.site}]\n    certificates: [{pairs}]\n"
                f"    routes:\n      - {{path: {path}, forward: nodes}}\n")
    return admin + listener + more + site + pool
