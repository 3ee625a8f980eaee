# SPDX-License-Identifier: Apache-2.0
# The configurations of the other balancers, as their manuals write a plain load balancer with TLS
# towards clients and HTTP towards two servers. Pure text; nothing is started here.
"""Configuration files for HAProxy, nginx, Apache and Caddy.

Each function takes the directory for the peer's own files, the certificate (chain, key), the
servers as [(name, address)], and one port of 127.0.0.1 for each of its ways.
"""

APACHE_MODULES = ("mpm_event", "authz_core", "proxy", "proxy_http", "proxy_balancer",
                  "lbmethod_byrequests", "slotmem_shm", "socache_shmcb", "ssl")


def lines(template, servers):
    return "\n".join(template.format(name=name, address=address) for name, address in servers)


def haproxy(directory, _certificate, servers, ports):
    """http-reuse is not named: `safe` is its default. The certificate is one file for HAProxy."""
    listed = lines("    server {name} {address}", servers)
    http, tcp = ports
    return f"""\
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s

frontend http_in
    mode http
    bind 127.0.0.1:{http} ssl crt {directory}/certificate.pem
    default_backend http_servers

backend http_servers
    mode http
    balance roundrobin
{listed}

frontend tcp_in
    mode tcp
    bind 127.0.0.1:{tcp} ssl crt {directory}/certificate.pem
    default_backend tcp_servers

backend tcp_servers
    mode tcp
    balance roundrobin
{listed}
"""


def nginx(directory, certificate, servers, ports):
    """`upstream` without and with keepalive, the latter with the two lines its manual asks for."""
    listed = lines("        server {address};", servers)
    default, keepalive, stream = ports
    tls = f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};"
    temporary = "\n".join(f"    {kind}_temp_path {directory}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""\
user www-data;
worker_processes auto;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{
    worker_connections 1024;
}}
http {{
    access_log off;
{temporary}
    upstream default_servers {{
{listed}
    }}
    upstream keepalive_servers {{
{listed}
        keepalive 32;
    }}
    server {{
        listen 127.0.0.1:{default} ssl;
        server_name lb.example.test;
        {tls}
        location / {{
            proxy_pass http://default_servers;
        }}
    }}
    server {{
        listen 127.0.0.1:{keepalive} ssl;
        server_name lb.example.test;
        {tls}
        location / {{
            proxy_pass http://keepalive_servers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
stream {{
    upstream stream_servers {{
{listed}
    }}
    server {{
        listen 127.0.0.1:{stream} ssl;
        {tls}
        proxy_pass stream_servers;
    }}
}}
"""


def apache(directory, certificate, servers, ports):
    modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
                        for name in APACHE_MODULES)
    listed = lines("    BalancerMember http://{address}", servers)
    return f"""\
{modules}
ServerName lb.example.test
ServerRoot {directory}
DefaultRuntimeDir {directory}
PidFile {directory}/apache.pid
ErrorLog {directory}/error.log
User www-data
Group www-data
Listen 127.0.0.1:{ports[0]}
<VirtualHost 127.0.0.1:{ports[0]}>
    ServerName lb.example.test
    SSLEngine on
    SSLCertificateFile {certificate[0]}
    SSLCertificateKeyFile {certificate[1]}
    ProxyPass / balancer://servers/
    ProxyPassReverse / balancer://servers/
</VirtualHost>
<Proxy balancer://servers>
{listed}
</Proxy>
"""


def caddy(_directory, certificate, servers, ports):
    listed = " ".join(address for _, address in servers)
    return f"""\
{{
    admin off
    auto_https disable_redirects
}}
https://lb.example.test:{ports[0]} {{
    bind 127.0.0.1
    tls {certificate[0]} {certificate[1]}
    reverse_proxy {listed} {{
        lb_policy round_robin
    }}
}}
"""
