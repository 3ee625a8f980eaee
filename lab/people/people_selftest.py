#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Does the isolation measure see what it is for? Straight to the stand-in it must find nothing;
# through nginx with shared server connections, which mixes people, it must find them mixed.
"""Self-test of people.py. Exit 0 good, 1 the measure is blind or sees ghosts, 77 nginx is absent
(the direct half has passed)."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from lab.embedded.domain import Domain, LabError, end_process, free_port  # noqa: E402

SKIPPED = 77

NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid;
error_log {directory}/nginx.log; events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2;
    fastcgi_temp_path {directory}/t3; uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
    large_client_header_buffers 4 64k;
    upstream iis {{ {servers} keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {pair.chain}; ssl_certificate_key {pair.key};
        location / {{
            proxy_pass http://iis; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


def find_nginx():
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Nginx:
    """nginx with upstream keepalive before these servers: connections are shared by everybody."""

    def __init__(self, domain, servers):
        directory = domain.path("nginx")
        os.makedirs(directory, exist_ok=True)
        self.port = free_port()
        config = os.path.join(directory, "nginx.conf")
        lines = " ".join(f"server 127.0.0.1:{server.http};" for server in servers)
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(directory=directory, servers=lines, port=self.port,
                                    pair=domain.certificate("lb-rsa")))
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", find_nginx(), "-e", directory + "/nginx.log",
             "-p", directory, "-c", config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        self.stop()
        with open(directory + "/nginx.log", encoding="utf-8") as file:
            raise LabError("nginx does not start:\n" + file.read())

    def stop(self):
        end_process(self.process)


def run_people(domain, url, *arguments):
    """(exit code, result) of one run of people.py."""
    done = subprocess.run(
        [sys.executable, os.path.join(HERE, "people.py"), "--url", url, "--resolve", "127.0.0.1",
         "--lab", domain.directory, "--json", "-", *arguments],
        stdout=subprocess.PIPE, text=True, check=False,
    )
    return done.returncode, json.loads(done.stdout)


def expect(holds, text, result):
    print(("ok      " if holds else "NOT OK  ") + text)
    if not holds:
        print(json.dumps(result, indent=2))
    return holds


def check_direct(domain, server):
    code, result = run_people(domain, server.url("lb.example.test"), "--chaos",
                              "--requests", "20", "--seed", "1")
    good = code == 0 and result["right"] >= 1000 and result["failed"] == 0
    return expect(good, f"direct: {result['right']} right, nobody mixed up", result)


def check_shared(domain, url, kind):
    code, result = run_people(domain, url, "--kinds", kind, "--requests", "20", "--seed", "1")
    named = result["by_kind"]["anon"]["wrong"]
    good = code == 1 and result["wrong"] > 0
    return expect(good, f"nginx with keepalive, {kind}: {result['wrong']} wrong "
                        f"({named} of them anonymous), {result['early']} early", result)


def main():
    with Domain() as domain:
        servers = [domain.iis(name, certificate="lb-ecdsa", verbose=False)
                   for name in ("iis1", "iis2")]
        good = check_direct(domain, servers[0])
        if not find_nginx():
            print("skipped: nginx is not installed, so nothing here can mix people")
            return SKIPPED if good else 1
        nginx = Nginx(domain, servers)
        try:
            url = f"https://lb.example.test:{nginx.port}/"
            # Not any(): every kind is shown, whatever the first says.
            good &= all([check_shared(domain, url, kind) for kind in ("krb", "krb401", "ntlm")])
        finally:
            nginx.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
