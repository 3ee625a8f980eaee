// SPDX-License-Identifier: Apache-2.0
// Passwords: from a file or from the terminal, never from the command line, where every process of
// the machine could read them. A process that has read one leaves no core file.
#pragma once

// The first line of the file without its end, malloc'ed; NULL after saying on stderr why not.
char *secret_read_file(const char *file);
// Asks on the controlling terminal with echo off, malloc'ed; NULL after saying on stderr why not.
char *secret_ask(const char *account);
// Wipes and frees. NULL is allowed; returns NULL.
char *secret_free(char *secret);
