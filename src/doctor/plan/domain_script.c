// SPDX-License-Identifier: Apache-2.0
// The PowerShell script for the directory: the account, its encryption types, its names. What the
// script runs looks before it changes anything, so it may be run again; -WhatIf only looks.
#include <string.h>

#include "doctor/plan/document.h"

static const char head[] =
    "#\n"
    "# Run it as a domain administrator where the module ActiveDirectory is (a domain controller,\n"
    "# or RSAT). It looks before it changes anything and may be run again; -WhatIf only looks.\n"
    "#Requires -Version 5.1\n"
    "#Requires -Modules ActiveDirectory\n"
    "[CmdletBinding(SupportsShouldProcess)]\n"
    "param()\n"
    "Set-StrictMode -Version 1\n"
    "$ErrorActionPreference = 'Stop'\n"
    "\n" SCRIPT_WRITE_STATE "\n"
    "# The account, however it is called in the script; nothing when there is none.\n"
    "function Find-Account([string]$Name) {\n"
    "    Get-ADObject -LDAPFilter \"(sAMAccountName=$Name)\" -Properties 'objectClass', "
    "'sAMAccountName', 'msDS-SupportedEncryptionTypes'\n"
    "}\n"
    "\n"
    "# Gives the account a name, unless it has it; a name somebody else has is only reported.\n"
    "function Add-ServiceName([string]$Name) {\n"
    "    # the global catalogue, because a second owner anywhere in the forest is one too many\n"
    "    $holders = @(Get-ADObject -LDAPFilter \"(servicePrincipalName=$Name)\" -Server $catalog "
    "-Properties sAMAccountName)\n"
    "    $others = @($holders | Where-Object { $_.sAMAccountName -ne $account })\n"
    "    if ($others.Count) {\n"
    "        foreach ($other in $others) {\n"
    "            Write-State 'WRONG' \"$Name belongs to $($other.DistinguishedName); if that is a "
    "mistake: setspn -D $Name $($other.sAMAccountName)\"\n"
    "        }\n"
    "    } elseif ($holders.Count) {\n"
    "        Write-State 'is so' \"$Name belongs to $account\"\n"
    "    } elseif ($script:PSCmdlet.ShouldProcess($account, \"setspn -S $Name\")) {\n"
    "        # -S looks for a second owner once more, -A would not\n"
    "        & setspn.exe -S $Name \"$netbios\\$account\" | Out-Null\n"
    "        if ($LASTEXITCODE -ne 0) { throw \"setspn -S $Name ended with $LASTEXITCODE\" }\n"
    "        Write-State 'changed' \"$Name belongs to $account\"\n"
    "    }\n"
    "}\n";

static const char domain_lines[] =
    "$netbios = (Get-ADDomain).NetBIOSName\n"
    "$catalog = (Get-ADDomainController -Discover -Service GlobalCatalog).HostName[0] + ':3268'\n";

static const char managed_lines[] =
    "if (Find-Account $account) {\n"
    "    Write-State 'is so' \"$account is there\"\n"
    "} elseif ($PSCmdlet.ShouldProcess($account, 'New-ADServiceAccount')) {\n"
    "    # a managed password is derived from this key of the forest\n"
    "    if (-not (Get-KdsRootKey)) {\n"
    "        Add-KdsRootKey -EffectiveImmediately | Out-Null\n"
    "        Write-State 'changed' 'made the KDS root key; domain controllers use it after 10 "
    "hours: run this script again then'\n"
    "        return\n"
    "    }\n"
    "    New-ADServiceAccount -Name $account.TrimEnd('$') -SamAccountName $account -DNSHostName "
    "$dnsHostName -KerberosEncryptionType 'AES128', 'AES256'\n"
    "    Write-State 'changed' \"made $account\"\n"
    "}\n";

static const char plain_lines[] =
    "if (Find-Account $account) {\n"
    "    Write-State 'is so' \"$account is there\"\n"
    "} elseif ($PSCmdlet.ShouldProcess($account, 'New-ADUser')) {\n"
    "    $secret = Read-Host -AsSecureString \"Password of the new account $account\"\n"
    "    New-ADUser -Name $account -SamAccountName $account -AccountPassword $secret -Enabled "
    "$true -PasswordNeverExpires $true -KerberosEncryptionType 'AES128', 'AES256'\n"
    "    Write-State 'changed' \"made $account\"\n"
    "}\n";

static const char reader_function[] =
    "\n# Lets a computer retrieve the managed password, and keeps those that may already.\n"
    "function Add-Reader([string]$Name) {\n"
    "    $computer = Find-Account $Name\n"
    "    $managed = Get-ADServiceAccount -Filter \"sAMAccountName -eq '$account'\" -Properties "
    "PrincipalsAllowedToRetrieveManagedPassword\n"
    "    if (-not $computer) {\n"
    "        Write-State 'WRONG' \"there is no computer account $Name\"\n"
    "    } elseif (-not $managed) {\n"
    "        Write-State 'WRONG' \"there is no managed account $account\"\n"
    "    } elseif ($managed.PrincipalsAllowedToRetrieveManagedPassword -contains "
    "$computer.DistinguishedName) {\n"
    "        Write-State 'is so' \"$Name may retrieve the password of $account\"\n"
    "    } elseif ($script:PSCmdlet.ShouldProcess($account, \"let $Name retrieve the password\")) "
    "{\n"
    "        $readers = @($managed.PrincipalsAllowedToRetrieveManagedPassword | Where-Object { $_ "
    "}) + $computer.DistinguishedName\n"
    "        Set-ADServiceAccount -Identity $managed -PrincipalsAllowedToRetrieveManagedPassword "
    "$readers\n"
    "        Write-State 'changed' \"$Name may retrieve the password of $account\"\n"
    "    }\n"
    "}\n";

static const char aes_lines[] =
    "$found = Find-Account $account\n"
    "if (-not $found) {\n"
    "    Write-State 'WRONG' \"there is no account $account\"\n"
    "} elseif ($found.'msDS-SupportedEncryptionTypes' -eq 24) {\n"
    "    Write-State 'is so' \"$account allows AES128 and AES256 only\"\n"
    "} elseif ($PSCmdlet.ShouldProcess($account, 'allow AES128 and AES256 only')) {\n"
    "    Set-ADObject -Identity $found -Replace @{ 'msDS-SupportedEncryptionTypes' = 24 }\n"
    "    Write-State 'changed' \"$account allows AES128 and AES256 only; an old account needs its "
    "password set once more\"\n"
    "}\n";

static void print_account(const struct plan *plan, const struct requirement *account, FILE *out)
{
    print_reason(out, "#", "", account);
    fputs(plan->is_account_managed ? managed_lines : plain_lines, out);
}

static void print_requirement(const struct plan *plan, const struct requirement *requirement,
                              FILE *out)
{
    switch (requirement->act) {
    case PLAN_HAVE_ACCOUNT:
        print_account(plan, requirement, out);
        break;
    case PLAN_HAVE_AES:
        print_reason(out, "#", "", requirement);
        fputs(aes_lines, out);
        break;
    case PLAN_HAVE_READER:
        print_reason(out, "#", "", requirement);
        fputs("Add-Reader ", out);
        quote_powershell(out, requirement->subject);
        fputc('\n', out);
        break;
    case PLAN_HAVE_SPN:
        print_reason(out, "#", "", requirement);
        fputs("Add-ServiceName ", out);
        quote_powershell(out, requirement->subject);
        fputc('\n', out);
        break;
    default:
        if (requirement->kind == PLAN_SPN || requirement->kind == PLAN_ACCOUNT)
            print_reason(out, "#", "By hand: ", requirement);
    }
}

// A managed account wants a host name of its own; any name of the farm will do.
static const char *host_of_account(const struct plan *plan)
{
    for (size_t i = 0; i < plan->name_count; i++)
        if (plan->names[i].ways & PLAN_LOGIN && !plan->names[i].is_pattern)
            return plan->names[i].host;
    return *plan->domain ? plan->domain : "localhost";
}

void plan_print_domain_script(const struct plan *plan, const char *subject, FILE *out)
{
    print_origin(out, "#", plan, "Active Directory: the service account and its names.");
    fputs(head, out);
    fputs(plan->is_account_managed ? reader_function : "", out);
    fputs("\n$account = ", out);
    quote_powershell(out, plan->account);
    if (plan->is_account_assumed)
        fputs("    # assumed: give --service-account", out);
    fputc('\n', out);
    fputs(domain_lines, out);
    if (plan->is_account_managed) {
        fputs("$dnsHostName = ", out);
        quote_powershell(out, host_of_account(plan));
        fputc('\n', out);
    }
    for (size_t i = 0; i < plan->requirement_count; i++)
        print_requirement(plan, &plan->requirements[i], out);
}
