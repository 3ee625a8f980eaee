// SPDX-License-Identifier: Apache-2.0
// The PowerShell script for one server with IIS. Looks before it changes anything; -WhatIf only
// looks. It never sets a password but one that is typed at the keyboard.
#include <string.h>

#include "base/check.h"
#include "doctor/plan/document.h"
#include "wire/host.h"

static const char head[] =
    "#\n"
    "# Run it on that server as an administrator, in Windows PowerShell. It looks before it "
    "changes\n"
    "# anything and may be run again; -WhatIf only looks.\n"
    "#Requires -Version 5.1\n"
    "#Requires -RunAsAdministrator\n"
    "[CmdletBinding(SupportsShouldProcess)]\n"
    "param(\n"
    "    # The IIS site and the application pool that answer: the configuration does not name "
    "them.\n"
    "    [ValidatePattern(\"^[^'\\[\\]]+$\")] [string]$Site = 'Default Web Site',\n"
    "    [ValidatePattern(\"^[^'\\[\\]]+$\")] [string]$AppPool = 'DefaultAppPool',\n"
    "    # Thumbprint of the certificate in LocalMachine\\My; without it certificates stay as they "
    "are.\n"
    "    [ValidatePattern('^([0-9A-Fa-f]{40})?$')] [string]$Thumbprint = ''\n"
    ")\n"
    "Set-StrictMode -Version 1\n"
    "$ErrorActionPreference = 'Stop'\n"
    "$root = 'MACHINE/WEBROOT/APPHOST'\n"
    "$security = 'system.webServer/security/authentication'\n"
    "$windows = \"$security/windowsAuthentication\"\n"
    "$httpsys = 'HKLM:\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters'\n"
    "\n" SCRIPT_WRITE_STATE "\n"
    "# May it be changed? Says so when not.\n"
    "function Test-Change([string]$What) {\n"
    "    $script:PSCmdlet.ShouldProcess($env:COMPUTERNAME, $What)\n"
    "}\n"
    "\n"
    "# A setting of the site; IIS gives some as an object with a Value and some bare.\n"
    "function Get-Setting([string]$Filter, [string]$Name) {\n"
    "    $now = Get-WebConfigurationProperty -PSPath $root -Location $Site -Filter $Filter -Name "
    "$Name\n"
    "    if ($null -ne $now -and $now.PSObject.Properties['Value']) { \"$($now.Value)\" } else { "
    "\"$now\" }\n"
    "}\n"
    "\n"
    "function Set-Setting([string]$Filter, [string]$Name, [string]$Value) {\n"
    "    $what = \"$($Filter.Split('/')[-1]) $Name = $Value\"\n"
    "    if ((Get-Setting $Filter $Name) -eq $Value) {\n"
    "        Write-State 'is so' $what\n"
    "    } elseif (Test-Change $what) {\n"
    "        # into applicationHost.config: these sections are locked below it\n"
    "        Set-WebConfigurationProperty -PSPath $root -Location $Site -Filter $Filter -Name "
    "$Name "
    "-Value $Value\n"
    "        Write-State 'changed' $what\n"
    "    }\n"
    "}\n"
    "\n"
    "# Providers in exactly this order.\n"
    "function Set-Providers([string[]]$Wanted) {\n"
    "    $now = @(Get-WebConfiguration -PSPath $root -Location $Site -Filter "
    "\"$windows/providers/add\" | ForEach-Object { $_.value })\n"
    "    $what = \"providers $($Wanted -join ', ')\"\n"
    "    if (($now -join ',') -eq ($Wanted -join ',')) {\n"
    "        Write-State 'is so' $what\n"
    "    } elseif (Test-Change $what) {\n"
    "        foreach ($old in $now) { Remove-WebConfigurationProperty -PSPath $root -Location "
    "$Site "
    "-Filter \"$windows/providers\" -Name '.' -AtElement @{ value = $old } }\n"
    "        foreach ($new in $Wanted) { Add-WebConfigurationProperty -PSPath $root -Location "
    "$Site "
    "-Filter \"$windows/providers\" -Name '.' -Value @{ value = $new } }\n"
    "        Write-State 'changed' $what\n"
    "    }\n"
    "}\n"
    "\n"
    "# A name that Extended Protection accepts; names that are there already stay.\n"
    "function Add-ProtectedName([string]$Name) {\n"
    "    $now = @(Get-WebConfiguration -PSPath $root -Location $Site -Filter "
    "\"$windows/extendedProtection/spn\" | ForEach-Object { $_.name })\n"
    "    if ($now -contains $Name) {\n"
    "        Write-State 'is so' \"Extended Protection accepts $Name\"\n"
    "    } elseif (Test-Change \"Extended Protection accepts $Name\") {\n"
    "        Add-WebConfigurationProperty -PSPath $root -Location $Site -Filter "
    "\"$windows/extendedProtection\" -Name '.' -Value @{ name = $Name }\n"
    "        Write-State 'changed' \"Extended Protection accepts $Name\"\n"
    "    }\n"
    "}\n"
    "\n"
    "# A binding with at least these sslFlags, and the certificate if one was named.\n"
    "function Add-Binding([string]$Protocol, [int]$Port, [string]$Name, [int]$Flags) {\n"
    "    # flags above 3 came with version 1809\n"
    "    if ([Environment]::OSVersion.Version.Build -lt 17763) { $Flags = $Flags -band 3 }\n"
    "    $what = \"binding $Protocol *:${Port}:$Name, sslFlags $Flags\"\n"
    "    $find = { Get-WebBinding -Name $Site -Protocol $Protocol | Where-Object { "
    "$_.bindingInformation -eq \"*:${Port}:$Name\" } }\n"
    "    $binding = & $find\n"
    "    if (-not $binding) {\n"
    "        if (-not (Test-Change $what)) { return }\n"
    "        $more = if ($Protocol -eq 'https') { @{ SslFlags = $Flags } } else { @{} }\n"
    "        New-WebBinding -Name $Site -Protocol $Protocol -Port $Port -HostHeader $Name @more\n"
    "        Write-State 'changed' $what\n"
    "        $binding = & $find\n"
    "    } elseif ($Protocol -eq 'https' -and ($binding.sslFlags -band $Flags) -ne $Flags) {\n"
    "        if (-not (Test-Change $what)) { return }\n"
    "        Set-WebBinding -Name $Site -BindingInformation \"*:${Port}:$Name\" -PropertyName "
    "sslFlags -Value ($binding.sslFlags -bor $Flags)\n"
    "        Write-State 'changed' $what\n"
    "        $binding = & $find\n"
    "    } else {\n"
    "        Write-State 'is so' $what\n"
    "    }\n"
    "    if ($Protocol -ne 'https' -or -not $Thumbprint -or $binding.certificateHash -eq "
    "$Thumbprint) { return }\n"
    "    if (Test-Change \"certificate $Thumbprint for $Name\") {\n"
    "        $binding.AddSslCertificate($Thumbprint, 'My')\n"
    "        Write-State 'changed' \"certificate $Thumbprint for $Name\"\n"
    "    }\n"
    "}\n"
    "\n"
    "# A limit of HTTP.sys: raised, never lowered.\n"
    "function Set-AtLeast([string]$Name, [int]$Least) {\n"
    "    $now = Get-ItemProperty -Path $httpsys -Name $Name -ErrorAction SilentlyContinue\n"
    "    if ($now -and $now.$Name -ge $Least) {\n"
    "        Write-State 'is so' \"$Name is $($now.$Name)\"\n"
    "    } elseif (Test-Change \"$Name = $Least\") {\n"
    "        New-ItemProperty -Path $httpsys -Name $Name -PropertyType DWord -Value $Least -Force "
    "| "
    "Out-Null\n"
    "        Write-State 'changed' \"$Name = $Least; HTTP.sys reads it when the server restarts\"\n"
    "    }\n"
    "}\n";

static const char feature_lines[] =
    "if ((Get-WindowsFeature -Name $feature).Installed) {\n"
    "    Write-State 'is so' \"$feature is installed\"\n"
    "} elseif (Test-Change \"install $feature\") {\n"
    "    Install-WindowsFeature -Name $feature | Out-Null\n"
    "    Write-State 'changed' \"installed $feature\"\n"
    "}\n"
    "\n# The drive IIS: and the commands for bindings come with this module.\n"
    "Import-Module WebAdministration\n";

static const char install_lines[] =
    "if (-not (Get-Command Test-ADServiceAccount -ErrorAction SilentlyContinue)) {\n"
    "    Write-State 'skipped' 'the module ActiveDirectory is not here, so the managed account was "
    "not looked at'\n"
    "} elseif (Test-ADServiceAccount -Identity $account -ErrorAction SilentlyContinue) {\n"
    "    Write-State 'is so' \"$account is installed\"\n"
    "} elseif (Test-Change \"install $account\") {\n"
    "    Install-ADServiceAccount -Identity $account\n"
    "    Write-State 'changed' \"installed $account\"\n"
    "}\n";

static const char run_as_lines[] =
    "$reference = New-Object Security.Principal.NTAccount($domain, $account)\n"
    "$identity = $reference.Translate([Security.Principal.SecurityIdentifier])."
    "Translate([Security.Principal.NTAccount]).Value\n"
    "$process = Get-ItemProperty -Path \"IIS:\\AppPools\\$AppPool\" -Name processModel\n"
    "if ($process.identityType -eq 'SpecificUser' -and $process.userName -eq $identity) {\n"
    "    Write-State 'is so' \"$AppPool runs as $identity\"\n"
    "} elseif (Test-Change \"$AppPool runs as $identity\") {\n"
    "    # a managed account has no password to give\n"
    "    $secret = if ($account.EndsWith('$')) { '' } else { (Get-Credential -UserName $identity "
    "-Message \"Identity of $AppPool\").GetNetworkCredential().Password }\n"
    "    Set-ItemProperty -Path \"IIS:\\AppPools\\$AppPool\" -Name processModel -Value @{ "
    "identityType = 'SpecificUser'; userName = $identity; password = $secret }\n"
    "    Write-State 'changed' \"$AppPool runs as $identity\"\n"
    "}\n";

static const char timeout_lines[] =
    "$limits = \"system.applicationHost/sites/site[@name='$Site']/limits\"\n"
    "$now = (Get-WebConfigurationProperty -PSPath $root -Filter $limits -Name "
    "connectionTimeout).Value\n"
    "if ($now.TotalSeconds -ge $least) {\n"
    "    Write-State 'is so' \"connectionTimeout is $now\"\n"
    "} elseif (Test-Change \"connectionTimeout = $least s\") {\n"
    "    Set-WebConfigurationProperty -PSPath $root -Filter $limits -Name connectionTimeout -Value "
    "([TimeSpan]::FromSeconds($least))\n"
    "    Write-State 'changed' \"connectionTimeout = $least s\"\n"
    "}\n";

static const char log_lines[] =
    "$fields = \"system.applicationHost/sites/site[@name='$Site']/logFile/customFields\"\n"
    "if (Get-WebConfiguration -PSPath $root -Filter \"$fields/add[@sourceName='$header']\") {\n"
    "    Write-State 'is so' \"$header is logged\"\n"
    "} elseif (Test-Change \"log $header\") {\n"
    "    Add-WebConfigurationProperty -PSPath $root -Filter $fields -Name '.' -Value @{ "
    "logFieldName "
    "= $header; sourceName = $header; sourceType = 'RequestHeader' }\n"
    "    Write-State 'changed' \"$header is logged\"\n"
    "}\n";

static const char registration_lines[] =
    "$own = ([Net.Dns]::GetHostName() + '.' + "
    "[Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().DomainName)\n"
    "if ($own -ne $name) {\n"
    "    Write-State 'is so' \"the computer is called $own and does not register $name\"\n"
    "} else {\n"
    "    foreach ($adapter in Get-DnsClient | Where-Object RegisterThisConnectionsAddress) {\n"
    "        if (Test-Change \"no registration of $($adapter.InterfaceAlias)\") {\n"
    "            Set-DnsClient -InterfaceIndex $adapter.InterfaceIndex "
    "-RegisterThisConnectionsAddress $false\n"
    "            Write-State 'changed' \"$($adapter.InterfaceAlias) is not registered in DNS\"\n"
    "        }\n"
    "    }\n"
    "}\n";

// ---------------------------------------------------------------------------- one requirement each

// `$name = 'text'`
static void print_assignment(const char *name, const char *text, FILE *out)
{
    fprintf(out, "$%s = ", name);
    quote_powershell(out, text);
    fputc('\n', out);
}

static void print_switch(const struct requirement *setting, FILE *out)
{
    size_t size = strcspn(setting->detail, "=");
    char name[64];
    CHECK(setting->detail[size] == '=' && size < sizeof name);
    memcpy(name, setting->detail, size);
    name[size] = '\0';
    fprintf(out, "Set-Setting \"$security/%s\" ", setting->value);
    quote_powershell(out, name);
    fputc(' ', out);
    quote_powershell(out, setting->detail + size + 1);
    fputc('\n', out);
}

static void print_providers(const struct requirement *providers, FILE *out)
{
    char item[64];
    const char *list = providers->value;
    const char *before = "Set-Providers ";
    for (; plan_next_item(&list, item, sizeof item); before = ", ") {
        fputs(before, out);
        quote_powershell(out, item);
    }
    fputc('\n', out);
}

static void print_protection(const struct requirement *protection, FILE *out)
{
    char spn[HOST_NAME_MAX + 16];
    fputs("Set-Setting \"$windows/extendedProtection\" 'tokenChecking' 'Allow'\n"
          "Set-Setting \"$windows/extendedProtection\" 'flags' ",
          out);
    quote_powershell(out, protection->subject);
    fputc('\n', out);
    for (const char *list = protection->value; plan_next_item(&list, spn, sizeof spn);) {
        fputs("Add-ProtectedName ", out);
        quote_powershell(out, spn);
        fputc('\n', out);
    }
}

static void print_binding(const struct requirement *binding, FILE *out)
{
    fputs("Add-Binding ", out);
    quote_powershell(out, binding->value);
    fprintf(out, " %u ", binding->port);
    quote_powershell(out, binding->subject);
    fprintf(out, " %u\n", binding->number);
}

static void print_run_as(const struct plan *plan, FILE *out)
{
    if (*plan->domain)
        print_assignment("domain", plan->domain, out);
    else
        fputs("$domain = $env:USERDNSDOMAIN\n", out);
    fputs(run_as_lines, out);
}

static void print_act(const struct plan *plan, const struct requirement *requirement, FILE *out)
{
    switch (requirement->act) {
    case PLAN_HAVE_FEATURE:
        print_assignment("feature", requirement->subject, out);
        fputs(feature_lines, out);
        break;
    case PLAN_INSTALL_ACCOUNT:
        fputs(install_lines, out);
        break;
    case PLAN_RUN_AS:
        print_run_as(plan, out);
        break;
    case PLAN_SWITCH:
        print_switch(requirement, out);
        break;
    case PLAN_ORDER_PROVIDERS:
        print_providers(requirement, out);
        break;
    case PLAN_PROTECT:
        print_protection(requirement, out);
        break;
    case PLAN_BIND:
        print_binding(requirement, out);
        break;
    case PLAN_RAISE_LIMIT:
        fputs("Set-AtLeast ", out);
        quote_powershell(out, requirement->subject);
        fprintf(out, " %u\n", requirement->number);
        break;
    case PLAN_RAISE_TIMEOUT:
        fprintf(out, "$least = %u\n%s", requirement->number, timeout_lines);
        break;
    case PLAN_LOG_FIELD:
        print_assignment("header", requirement->subject, out);
        fputs(log_lines, out);
        break;
    case PLAN_STOP_REGISTRATION:
        print_assignment("name", requirement->subject, out);
        fputs(registration_lines, out);
        break;
    default:
        break;
    }
}

static void print_kind(const struct plan *plan, enum plan_kind kind, const char *server, FILE *out)
{
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *requirement = &plan->requirements[i];
        if (requirement->kind != kind || !requirement_is_of(requirement, PLAN_OF_SERVER, server))
            continue;
        print_reason(out, "#", requirement->act == PLAN_READ ? "Note: " : "", requirement);
        print_act(plan, requirement, out);
    }
}

void plan_print_node_script(const struct plan *plan, const char *server, FILE *out)
{
    print_origin(out, "#", plan, "IIS on one server: identity, Windows authentication, bindings.");
    fputs("# The server: ", out);
    quote_comment(out, server);
    fputc('\n', out);
    fputs(head, out);
    fputc('\n', out);
    print_assignment("account", plan->account, out);
    print_kind(plan, PLAN_IIS, server, out);
    print_kind(plan, PLAN_PROTECTION, server, out);
}
