// SPDX-License-Identifier: Apache-2.0
// Settings of load balancers and of IIS that more than one check recommends.
#include "doctor/check/remedy.h"

#include "doctor/check/view.h"

void remedy_own_link(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Give every client connection its own server connection for the whole life of "
                   "both, and never put one that carried credentials back into a pool.",
                   NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "HAProxy, in the defaults or the backend section:", "http-reuse never");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx cannot tie the two connections in its open source edition: end the "
                   "sharing, and carry this name with the stream module instead:",
                   "keepalive 0;");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast, in the pool (it is the default):", "links: dedicated");
}

void remedy_keep_alive(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Speak HTTP/1.1 with persistent connections to clients and to servers.", NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "HAProxy, in the defaults section, in place of httpclose and "
                   "http-server-close:",
                   "option http-keep-alive");
    finding_remedy(finding, REMEDY_BALANCER, "nginx, in the location:",
                   "proxy_http_version 1.1; proxy_set_header Connection \"\";");
    finding_remedy(finding, REMEDY_BALANCER, "Handfast keeps connections; there is nothing to set.",
                   NULL);
}

void remedy_untouched_answers(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Pass 401 answers as they come: no page of its own, no WWW-Authenticate line "
                   "removed, merged or rewritten, on any status.",
                   NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "HAProxy: remove lines such as these from the configuration:",
                   "http-response del-header WWW-Authenticate");
    finding_remedy(finding, REMEDY_BALANCER, "nginx, in the location:",
                   "proxy_intercept_errors off; proxy_pass_header WWW-Authenticate;");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast passes them untouched; there is nothing to set.", NULL);
}

void remedy_large_headers(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Accept header lines of 64 KiB and heads of 80 KiB or more.", NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "HAProxy, in the global section:", "tune.bufsize 131072");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the server section:", "large_client_header_buffers 8 128k;");
    finding_remedy(finding, REMEDY_BALANCER, "Handfast, at the top of the configuration:",
                   "limits: {header_line: 64KiB, header: 128KiB}");
}

void remedy_keep_host(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER, "Pass the Host that the client sent.", NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "HAProxy: remove lines such as this one:", "http-request set-header Host …");
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the location:", "proxy_set_header Host $http_host;");
    finding_remedy(finding, REMEDY_BALANCER, "Handfast never changes Host; nothing to set.", NULL);
}

void remedy_send_sni(struct finding *finding, const struct facts *facts)
{
    const char *host = view_command_host(facts);
    finding_remedy(finding, REMEDY_BALANCER,
                   "Send the name of the URL as server name (SNI) in the handshake with the nodes.",
                   NULL);
    finding_remedy(finding, REMEDY_BALANCER, "HAProxy, on each server line:", "sni str(%s)", host);
    finding_remedy(finding, REMEDY_BALANCER,
                   "nginx, in the location:", "proxy_ssl_server_name on; proxy_ssl_name %s;", host);
    finding_remedy(finding, REMEDY_BALANCER, "Handfast, in the pool:", "tls: {name: %s}", host);
    finding_remedy(finding, REMEDY_SERVER,
                   "Or give each node a certificate for clients that send no name:",
                   "netsh http add sslcert ipport=0.0.0.0:443 certhash=THUMBPRINT "
                   "appid={4dc3e181-e14b-4a21-b022-59fc669b0914} certstorename=MY");
}

void remedy_bindings(struct finding *finding, const struct facts *facts)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Show the very certificate of the nodes: the same file on the load balancer and "
                   "on every node, renewed together. Or do not end TLS here: pass the connection "
                   "through (HAProxy mode tcp, the stream module of nginx).",
                   NULL);
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast, in the site, passes through with:", "passthrough: POOL");
    finding_remedy(finding, REMEDY_SERVER,
                   "Or tell IIS that a proxy ends TLS: it then asks for some binding and for the "
                   "right service name in place of its own certificate.",
                   REMEDY_WINDOWS " /extendedProtection.flags:\"Proxy\" /commit:apphost");
    finding_remedy(finding, REMEDY_SERVER, "With that flag, the name people type must be listed:",
                   REMEDY_WINDOWS " /+\"extendedProtection.[name='HTTP/%s']\" /commit:apphost",
                   view_command_host(facts));
}

void remedy_no_h2(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Do not offer h2 for names that log in by Windows authentication.", NULL);
    finding_remedy(finding, REMEDY_BALANCER, "HAProxy, on the bind line:", "alpn http/1.1");
    finding_remedy(finding, REMEDY_BALANCER, "nginx, in the server section:", "http2 off;");
    // the flags of a binding are bits: 1 and 2 say how its certificate is found
    finding_remedy(finding, REMEDY_SERVER, "IIS, where it ends TLS itself (1809 and newer):",
                   "Get-WebBinding -Name 'SITE' -Protocol https | ForEach-Object { "
                   "Set-WebBinding -Name 'SITE' -BindingInformation $_.bindingInformation "
                   "-PropertyName sslFlags -Value ($_.sslFlags -bor 4) }");
}

void remedy_health(struct finding *finding)
{
    finding_remedy(finding, REMEDY_BALANCER,
                   "Count 401 as healthy, or probe a path that asks for no login.", NULL);
    finding_remedy(finding, REMEDY_BALANCER, "HAProxy, in the backend section:",
                   "http-check expect rstatus ^(2|3)[0-9][0-9]|401");
    finding_remedy(finding, REMEDY_BALANCER,
                   "Handfast, in the pool:", "health: {request: \"GET /\", expect: [200, 401]}");
}
