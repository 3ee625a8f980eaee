# SPDX-License-Identifier: Apache-2.0
"""Web servers no one here wrote that authenticate the connection, as IIS does.

Apache with mod_auth_gssapi judges Kerberos. Squid as accelerator judges NTLM (ntlm_auth, winbind)
and Kerberos, and keeps the first identity of a connection whatever comes later: the best detector
of a mixed-up connection. Both answer with the page of page.lua. Each owns its directory below the
domain's and its process.
"""

import shutil
from pathlib import Path

from lab.domain import names

PAGE = Path(__file__).resolve().parent / "page.lua"
MODULES = Path("/usr/lib/apache2/modules")
SQUID_HELPERS = Path("/usr/lib/squid")

# The page lives in mod_lua so that one server can answer GET and POST without code of ours in C.
APACHE_MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "env", "lua",
                  "reqtimeout", "socache_shmcb", "ssl"]


class Witness:
    """One web server of the domain, in plain and over TLS.

    name      iis1, iis2 or lb
    http      http://iis1.example.test:PORT  (no slash at the end)
    https     https://iis1.example.test:PORT
    plain     127.0.0.21:80, where a load balancer reaches it; tls likewise
    directory logs (access.log, error.log) and configuration
    """

    kind = ""
    user = ""
    ports = (0, 0)

    def __init__(self, domain, name, certificate="rsa"):
        self.domain = domain
        self.name = name
        self.chain, self.key = domain.certificate(name, certificate)
        self.address = names.ADDRESSES[name]
        self.http_port, self.https_port = self.ports
        self.plain = f"{self.address}:{self.http_port}"
        self.tls = f"{self.address}:{self.https_port}"
        self.directory = domain.directory / f"{self.kind}-{name}"
        self.process = None

    @property
    def http(self):
        return url("http", self.name, self.http_port, 80)

    @property
    def https(self):
        return url("https", self.name, self.https_port, 443)

    def start(self):
        self.directory.mkdir()
        shutil.chown(self.directory, self.user)
        try:
            self.launch()
            for port in (self.http_port, self.https_port):
                self.domain.wait_for_port(self.address, port, child=self.process)
        except (RuntimeError, TimeoutError) as error:
            raise RuntimeError(f"{self.kind} {self.name} does not start:\n{self.logs()}") from error

    def stop(self):
        if self.process:
            self.domain.stop(self.process)
            self.process = None

    def logs(self):
        """The end of everything it wrote, for a message about a failure."""
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}"
                       for path in sorted(self.directory.rglob("*.log")))

    def environment(self):
        # The replay cache stays on: a token that is sent twice must be noticed here.
        return {"KRB5_KTNAME": f"FILE:{self.domain.keytab}", "KRB5RCACHEDIR": str(self.directory)}


def url(scheme, name, port, default):
    suffix = "" if port == default else f":{port}"
    return f"{scheme}://{names.fqdn(name)}{suffix}"


class Apache(Witness):
    """Kerberos by mod_auth_gssapi, bound to the connection. /healthz asks for no login."""

    kind = "apache"
    user = "www-data"
    ports = (80, 443)

    def launch(self):
        settings = self.directory / "apache.conf"
        settings.write_text(apache_settings(self.directory, self.name, self.listeners(),
                                            self.protection()))
        self.process = launch_apache(self.domain, settings, self.environment())

    def listeners(self):
        return [f"Listen {self.address}:{self.http_port}",
                f"Listen {self.address}:{self.https_port}",
                f"<VirtualHost {self.address}:{self.https_port}>",
                "SSLEngine on",
                f"SSLCertificateFile {self.chain}",
                f"SSLCertificateKeyFile {self.key}",
                "</VirtualHost>"]

    def protection(self):
        # The module names NTLM in its challenge all the same; it is Squid that judges NTLM.
        return ["<Location />",
                "AuthType GSSAPI",
                'AuthName "lab"',
                "GssapiAllowedMech krb5",
                "GssapiConnectionBound On",
                "GssapiSignalPersistentAuth On",
                "Require valid-user",
                "</Location>",
                "<Location /healthz>",
                "AuthType None",
                "Require all granted",
                "</Location>"]

    def environment(self):
        return {**super().environment(), "GSS_USE_PROXY": "no"}


class Squid(Witness):
    """NTLM and Kerberos by Squid in accelerator mode, before an Apache that only shows the page."""

    kind = "squid"
    user = "proxy"
    ports = (8080, 8443)
    origin_port = 8000

    def __init__(self, domain, name, **options):
        super().__init__(domain, name, **options)
        self.origin = None
        # Apache has the usual ports of the server's own address, so Squid answers there on others.
        # Behind a load balancer it is reached on an address of its own, with the usual ports.
        self.inner_address = self.address.replace("127.0.0.", "127.0.1.")
        self.plain = f"{self.inner_address}:80"
        self.tls = f"{self.inner_address}:443"

    def launch(self):
        origin_directory = self.directory / "origin"
        origin_directory.mkdir()
        settings = origin_directory / "apache.conf"
        settings.write_text(apache_settings(
            origin_directory, self.name, [f"Listen {self.address}:{self.origin_port}"],
            ["SetEnv LAB_BEHIND_SQUID 1", "<Location />", "Require all granted", "</Location>"]))
        self.origin = launch_apache(self.domain, settings, {})
        self.domain.wait_for_port(self.address, self.origin_port, child=self.origin)
        settings = self.directory / "squid.conf"
        settings.write_text(self.settings())
        with open(self.directory / "error.log", "w", encoding="utf-8") as log:
            self.process = self.domain.popen(
                ["squid", "-N", "-f", settings, "-n", f"lab{self.name}"],
                env=self.environment(), stdout=log, stderr=log)

    def stop(self):
        if self.process:
            # A polite end takes Squid 1.5 s and nothing of it is worth keeping; what it leaves in
            # the namespace's /dev/shm would stop the next start under the same name.
            self.process.kill()
            super().stop()
            self.domain.run(["sh", "-c", f"rm -f /dev/shm/lab{self.name}-*"])
        if self.origin:
            self.domain.stop(self.origin)
            self.origin = None

    def settings(self):
        ntlm = "/usr/bin/ntlm_auth --helper-protocol=squid-2.5-ntlmssp"
        wrapper = f"{SQUID_HELPERS}/negotiate_wrapper_auth"
        kerberos = (f"{SQUID_HELPERS}/negotiate_kerberos_auth -s GSS_C_NO_NAME "
                    f"-k {self.domain.keytab}")
        listen = f"accel no-vhost defaultsite={names.fqdn(self.name)}"
        tls = f"tls-cert={self.chain} tls-key={self.key}"
        return f"""
http_port {self.address}:{self.http_port} {listen}
https_port {self.address}:{self.https_port} {listen} {tls}
http_port {self.plain} {listen}
https_port {self.tls} {listen} {tls}
cache_peer {self.address} parent {self.origin_port} 0 no-query no-digest originserver name=page
visible_hostname {names.fqdn(self.name)}
cache_effective_user {self.user}
pid_filename {self.directory}/squid.pid
coredump_dir {self.directory}
access_log stdio:{self.directory}/access.log
cache_log {self.directory}/cache.log
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
max_filedescriptors 4096
cache deny all

auth_param negotiate program {wrapper} --ntlm {ntlm} --kerberos {kerberos}
auth_param negotiate children 20 startup=2 idle=2
auth_param negotiate keep_alive on
auth_param ntlm program {ntlm}
auth_param ntlm children 20 startup=2 idle=2
auth_param ntlm keep_alive on

acl health urlpath_regex ^/healthz$
acl person proxy_auth REQUIRED
http_access allow health
http_access allow person
http_access deny all

# The page's only source for the name: what a client sends under this name is removed.
request_header_access X-Lab-Person deny all
request_header_add X-Lab-Person "%ul" person
"""


def apache_settings(directory, name, listeners, protection):
    # A copy: the server's user may not be able to read the place this checkout is in.
    page = shutil.copy(PAGE, directory)
    modules = [f"LoadModule {module}_module {MODULES}/mod_{module}.so"
               for module in APACHE_MODULES + ["auth_gssapi"]]
    return "\n".join([
        *modules,
        f"ServerName {names.fqdn(name)}",
        f"ServerRoot {directory}",
        f"DefaultRuntimeDir {directory}",
        f"PidFile {directory}/apache.pid",
        f"ErrorLog {directory}/error.log",
        "LogLevel warn",
        "User www-data",
        "Group www-data",
        "StartServers 1",
        "ServerLimit 4",
        "ThreadsPerChild 64",
        "MaxRequestWorkers 256",
        "KeepAlive On",
        "KeepAliveTimeout 60",
        "MaxKeepAliveRequests 0",
        "LimitRequestFieldSize 65536",
        "RequestReadTimeout header=60 body=60",
        f"SetEnv LAB_SERVER {name}",
        *listeners,
        *protection,
        f"LuaMapHandler ^/ {page} handle",
        ""])


def launch_apache(domain, settings, environment):
    with open(settings.parent / "output.log", "w", encoding="utf-8") as log:
        return domain.popen(["apache2", "-f", settings, "-DFOREGROUND"], env=environment,
                            stdout=log, stderr=log)
