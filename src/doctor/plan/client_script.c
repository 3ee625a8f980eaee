// SPDX-License-Identifier: Apache-2.0
// What clients are told by policy: a PowerShell script with the registry values that group policy
// writes too, and Firefox's policies.json. Keeps what other policies put there.
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"
#include "doctor/plan/document.h"

static const char head[] =
    "#\n"
    "# Run it as an administrator on a client, or put the same values into a group policy. It "
    "looks\n"
    "# before it changes anything and may be run again; -WhatIf only looks. Browsers read these\n"
    "# values when they start.\n"
    "#Requires -Version 5.1\n"
    "#Requires -RunAsAdministrator\n"
    "[CmdletBinding(SupportsShouldProcess)]\n"
    "param()\n"
    "Set-StrictMode -Version 1\n"
    "$ErrorActionPreference = 'Stop'\n"
    "$internet = 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows\\CurrentVersion\\Internet "
    "Settings'\n"
    "# Site to Zone Assignment List; the value 1 is the zone Intranet.\n"
    "$zones = \"$internet\\ZoneMapKey\"\n"
    "$browsers = 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Edge', "
    "'HKLM:\\SOFTWARE\\Policies\\Google\\Chrome'\n"
    "\n" SCRIPT_WRITE_STATE "\n"
    "# A value below a key, or nothing; names may hold what Get-ItemProperty takes for a pattern.\n"
    "function Get-Value([string]$Path, [string]$Name) {\n"
    "    $key = Get-Item -LiteralPath $Path -ErrorAction SilentlyContinue\n"
    "    if ($key) { $key.GetValue($Name) }\n"
    "}\n"
    "\n"
    "function Set-Value([string]$Path, [string]$Name, $Value, [string]$Kind = 'String') {\n"
    "    if ((Get-Value $Path $Name) -eq $Value) {\n"
    "        Write-State 'is so' \"$Name = $Value\"\n"
    "    } elseif ($script:PSCmdlet.ShouldProcess($Path, \"$Name = $Value\")) {\n"
    "        if (-not (Test-Path -LiteralPath $Path)) { New-Item -Path $Path -Force | Out-Null }\n"
    "        # through the key itself: a name with a star is no pattern there\n"
    "        $hive = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey($Path.Substring(6), "
    "$true)\n"
    "        $hive.SetValue($Name, $Value, $Kind)\n"
    "        $hive.Close()\n"
    "        Write-State 'changed' \"$Name = $Value\"\n"
    "    }\n"
    "}\n"
    "\n"
    "# Adds a host to the list of hosts that get the login unasked; those in it stay.\n"
    "function Add-AllowedHost([string]$Name) {\n"
    "    foreach ($browser in $browsers) {\n"
    "        $now = @(\"$(Get-Value $browser 'AuthServerAllowlist')\".Split(',') | ForEach-Object "
    "{ "
    "$_.Trim() } | Where-Object { $_ })\n"
    "        if ($now -contains $Name) {\n"
    "            Write-State 'is so' \"$Name is in AuthServerAllowlist of $browser\"\n"
    "        } else {\n"
    "            Set-Value $browser 'AuthServerAllowlist' ((@($now) + $Name) -join ',')\n"
    "        }\n"
    "    }\n"
    "}\n";

static const char list_lines[] = "\n# The list of sites counts only with this switch, which group "
                                 "policy sets beside it (known).\n"
                                 "Set-Value $internet 'ListBox_Support_ZoneMapKey' 1 'DWord'\n";

void plan_print_client_script(const struct plan *plan, const char *subject, FILE *out)
{
    print_origin(out, "#", plan, "Clients: names that get the login of Windows without asking.");
    fputs(head, out);
    fputs(list_lines, out);
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *trust = &plan->requirements[i];
        if (trust->kind != PLAN_CLIENT)
            continue;
        print_reason(out, "#", trust->act == PLAN_TRUST ? "" : "Note: ", trust);
        if (trust->act != PLAN_TRUST)
            continue;
        fputs("Set-Value $zones ", out);
        quote_powershell(out, trust->subject);
        fputs(" '1'\nAdd-AllowedHost ", out);
        quote_powershell(out, trust->value);
        fputc('\n', out);
    }
}

// ---------------------------------------------------------------------------- Firefox

// Firefox knows no star: ".example.com" is every name below.
static const char *firefox_host(const struct requirement *trust)
{
    return trust->value[0] == '*' ? trust->value + 1 : trust->subject;
}

// A pattern is trusted once per scheme, and both are the same to Firefox.
static bool is_first_of_host(const struct plan *plan, size_t index)
{
    const char *host = firefox_host(&plan->requirements[index]);
    for (size_t i = 0; i < index; i++)
        if (plan->requirements[i].act == PLAN_TRUST &&
            strcmp(firefox_host(&plan->requirements[i]), host) == 0)
            return false;
    return true;
}

static void put_hosts(const struct plan *plan, struct json *json, const char *key)
{
    json_put_open(json, key, '[');
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *trust = &plan->requirements[i];
        if (trust->act == PLAN_TRUST && is_first_of_host(plan, i))
            json_put_string(json, NULL, firefox_host(trust));
    }
    json_put_close(json, ']');
}

static bool write_firefox(const struct plan *plan, struct text *text)
{
    struct json json = {.text = text};
    json_put_open(&json, NULL, '{');
    json_put_open(&json, "policies", '{');
    json_put_open(&json, "Authentication", '{');
    put_hosts(plan, &json, "SPNEGO");
    put_hosts(plan, &json, "NTLM");
    json_put_close(&json, '}');
    json_put_close(&json, '}');
    json_put_close(&json, '}');
    text_add_string(text, "\n");
    return !text->cut;
}

void plan_print_firefox(const struct plan *plan, const char *subject, FILE *out)
{
    bool is_whole = false;
    for (size_t capacity = 64 * 1024; !is_whole; capacity *= 2) {
        char *memory = malloc(capacity);
        CHECK(memory);
        struct text text = text_over(memory, capacity);
        is_whole = write_firefox(plan, &text);
        if (is_whole)
            fwrite(memory, 1, text.size, out);
        free(memory);
    }
}
