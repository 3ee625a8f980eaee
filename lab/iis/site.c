// SPDX-License-Identifier: Apache-2.0
// See site.h. http.sys itself answers the first two and closes; the others are the site's.
#include "site.h"

#include <string.h>

static void answer_page(struct answer *a, const char *status, const char *server,
                        const char *fields, const char *text)
{
    buffer_add_format(&a->out,
                      "HTTP/1.1 %s\r\nContent-Type: text/html; charset=us-ascii\r\nServer: %s\r\n"
                      "%s%sContent-Length: %zu\r\n\r\n",
                      status, server, fields, a->request->keep_alive ? "" : "Connection: close\r\n",
                      strlen(text));
    if (!span_is(a->request->method, span_of("HEAD")))
        buffer_add_text(&a->out, text);
}

static void answer_from_kernel(struct answer *a, const char *text)
{
    a->request->keep_alive = false;
    answer_page(a, "400 Bad Request", "Microsoft-HTTPAPI/2.0", "", text);
}

static void redirect(struct answer *a, const char *scheme, struct span target)
{
    struct buffer fields = {0};
    buffer_add_text(&fields, "Location: ");
    if (*scheme) {
        buffer_add_format(&fields, "%s://", scheme);
        buffer_add_span(&fields, a->request->host);
    }
    buffer_add_span(&fields, target);
    buffer_add_text(&fields, "\r\n");
    buffer_add(&fields, "", 1);
    answer_page(a, "302 Found", "Microsoft-IIS/10.0", (const char *)fields.at,
                "<html><body><h2>Object moved</h2></body></html>\r\n");
    buffer_done(&fields);
}

// The name without its port.
static struct span host_name(struct span host)
{
    for (size_t i = host.len; i > 0; i--)
        if (host.at[i - 1] == ':')
            return span_cut(host, 0, i - 1);
    return host;
}

static bool is_bound_to(const struct settings *s, struct span host)
{
    for (unsigned i = 0; i < s->host_count; i++)
        if (span_is_word(host_name(host), s->hosts[i]))
            return true;
    return s->host_count == 0;
}

static bool path_is(const struct answer *a, const char *path)
{
    return span_is(a->request->path, span_of(path));
}

static bool answers_logon(struct answer *a)
{
    if (a->settings->logon == LOGON_FORMS) {
        if (path_is(a, "/login.aspx"))
            answer_page(a, "200 OK", "Microsoft-IIS/10.0", "",
                        "<html><body><form method=\"post\">User name: <input name=\"user\">"
                        "</form></body></html>\r\n");
        else
            redirect(a, "", span_of("/login.aspx?ReturnUrl=%2f"));
        return true;
    }
    if (a->settings->logon == LOGON_BASIC)
        answer_page(a, "401 Unauthorized", "Microsoft-IIS/10.0",
                    "WWW-Authenticate: Basic realm=\"intranet\"\r\n",
                    "<html><body><h2>401 - Unauthorized</h2></body></html>\r\n");
    return a->settings->logon == LOGON_BASIC;
}

bool site_answers(struct answer *a, bool tls)
{
    const struct settings *s = a->settings;
    bool is_told_tls = tls || span_is_word(a->request->forwarded_proto, "https");
    if (s->header_limit && a->request->longest_line > s->header_limit) {
        answer_from_kernel(a, "<HTML><BODY><h2>Bad Request - Header Field Too Long</h2><hr>"
                              "<p>HTTP Error 400. Request Header too long.</p></BODY></HTML>\r\n");
        return true;
    }
    if (!is_bound_to(s, a->request->host)) {
        answer_from_kernel(a, "<HTML><BODY><h2>Bad Request - Invalid Hostname</h2><hr>"
                              "<p>HTTP Error 400. The request hostname is invalid.</p>"
                              "</BODY></HTML>\r\n");
        return true;
    }
    if (s->require_tls && !tls) {
        answer_page(a, "403 Forbidden", "Microsoft-IIS/10.0", "",
                    "<html><body><h2>HTTP Error 403.4 - Forbidden</h2><h3>The page you are trying "
                    "to access is secured with Secure Sockets Layer (SSL).</h3></body></html>\r\n");
        return true;
    }
    if (s->redirect_to_tls && !is_told_tls) {
        redirect(a, "https", a->request->target);
        return true;
    }
    if (s->http_links && !is_told_tls && path_is(a, "/")) {
        redirect(a, "http", span_of("/start/"));
        return true;
    }
    return answers_logon(a);
}
