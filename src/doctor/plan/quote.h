// SPDX-License-Identifier: Apache-2.0
// Puts foreign text into documents so that it stays text: whatever it holds, it cannot end the
// literal, comment or cell it stands in. Total: every byte string has an answer.
#pragma once

#include <stdio.h>

// A PowerShell string expression with exactly these characters; bytes that are no UTF-8 become
// U+FFFD. Printable ASCII stands in single quotes, in which only the quote itself is special;
// everything else is spelt [char]::ConvertFromUtf32(N), because PowerShell takes typographic
// quotes for quotes.
void quote_powershell(FILE *out, const char *text);
// One comment line without its mark: printable ASCII, '?' for every other character.
void quote_comment(FILE *out, const char *text);
// An absolute name of a zone file, with the dot at its end; special bytes as \DDD (RFC 1035, 5.1).
// A "*." at the front stays.
void quote_zone_name(FILE *out, const char *name);
// Text in a Markdown cell or paragraph.
void quote_markdown(FILE *out, const char *text);
// The same as code, in backquotes.
void quote_markdown_code(FILE *out, const char *text);
// A name in an OpenSSL request or an INF file: letters, digits and . - _ * : remain, others become
// '_'.
void quote_plain(FILE *out, const char *text);
