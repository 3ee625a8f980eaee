// SPDX-License-Identifier: Apache-2.0
// The firewall table, and the recipe for a keytab: the two documents that are read, not run.
#include <string.h>

#include "doctor/plan/document.h"

// Sites share their listeners, so several may require the same of the firewall.
static bool is_said_before(const struct plan *plan, size_t index)
{
    const struct requirement *row = &plan->requirements[index];
    for (size_t i = 0; i < index; i++) {
        const struct requirement *before = &plan->requirements[i];
        if (before->kind == PLAN_FIREWALL && before->act == row->act &&
            strcmp(before->subject, row->subject) == 0 && strcmp(before->value, row->value) == 0 &&
            strcmp(before->detail, row->detail) == 0 && strcmp(before->why, row->why) == 0)
            return true;
    }
    return false;
}

void plan_print_firewall_rows(const struct plan *plan, enum plan_scope scope, const char *owner,
                              FILE *out)
{
    fputs("| from | to | ports | | because |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *row = &plan->requirements[i];
        bool is_wanted = owner ? requirement_is_of(row, scope, owner) : !is_said_before(plan, i);
        if (row->kind != PLAN_FIREWALL || !is_wanted)
            continue;
        fputs("| ", out);
        quote_markdown(out, row->subject);
        fputs(" | ", out);
        quote_markdown(out, row->value);
        fputs(" | ", out);
        quote_markdown(out, row->detail);
        fprintf(out, " | %s | ", row->act == PLAN_FORBID ? "**closed**" : "open");
        quote_markdown(out, row->why);
        fputs(" |\n", out);
    }
}

void plan_print_firewall(const struct plan *plan, const char *subject, FILE *out)
{
    fputs("# Firewall\n\nMade by `handfast plan` from ", out);
    quote_markdown_code(out, plan->snapshot->file);
    fputs(". Passthrough and forward: clients reach only the load balancer. Redirect: clients "
          "reach every server they are sent to, unless its name is passed through.\n\n",
          out);
    plan_print_firewall_rows(plan, PLAN_OF_DOMAIN, NULL, out);
}

static void print_realm(const struct plan *plan, FILE *out)
{
    for (const char *c = *plan->domain ? plan->domain : "example.com"; *c; c++)
        fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
}

static void print_recipe_on_linux(const struct plan *plan, FILE *out)
{
    fputs("On the Linux machine, with an account whose password is known (MIT krb5 1.17 or newer; "
          "ktutil asks for it after the first line, and fetches the salt from the domain "
          "controller):\n\n```\nktutil\naddent -password -p svc-probe@",
          out);
    print_realm(plan, out);
    fputs(" -k 1 -e aes256-cts-hmac-sha1-96 -f\nwkt probe.keytab\nquit\n```\n\n"
          "Or with tools that set a password of their own and can renew it (known, not tried "
          "here): `msktutil create --use-service-account --account-name svc-probe --enctypes 0x18 "
          "--keytab probe.keytab` makes the user, `adcli join --domain ",
          out);
    quote_plain(out, *plan->domain ? plan->domain : "example.com");
    fputs("` makes a computer account and its `/etc/krb5.keytab`.\n\n", out);
}

static void print_recipe_on_windows(const struct plan *plan, FILE *out)
{
    fputs("On a domain controller (ktpass sets the password it asks for; known, not tried here):\n"
          "\n```\nktpass /princ svc-probe@",
          out);
    print_realm(plan, out);
    fputs(" /mapuser svc-probe /crypto AES256-SHA1 /ptype KRB5_NT_PRINCIPAL /pass * "
          "/out probe.keytab\n```\n\n",
          out);
}

void plan_print_keytab_recipe(const struct plan *plan, FILE *out)
{
    fprintf(out,
            "Handfast carries logins without any key. `handfast doctor --keytab` logs in itself "
            "and needs one: that of an account of its own, here `svc-probe`, a plain user without "
            "rights.\n\n"
            "Never make one for `%s`: ktpass and msktutil set a new password, and every server "
            "whose application pool runs as that account then refuses all tickets.\n\n",
            plan->account);
    print_recipe_on_linux(plan, out);
    print_recipe_on_windows(plan, out);
    fputs("- AES only (enctypes 0x18, 24), because domain controllers stop issuing RC4 tickets.\n"
          "- Mode 0600, owner root: whoever reads it is svc-probe.\n"
          "- `klist -ekt probe.keytab` shows name, key version and encryption type; after every "
          "change of the password make it anew, because it is another key.\n"
          "- Principals are the same letters in the same case as in the directory.\n",
          out);
}

void plan_print_keytab(const struct plan *plan, const char *subject, FILE *out)
{
    fputs("# Keytab\n\n", out);
    plan_print_keytab_recipe(plan, out);
}
