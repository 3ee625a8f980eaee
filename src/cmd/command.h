// SPDX-License-Identifier: Apache-2.0
// The subcommands: one file each, one function each, listed once in main.c. They get their own argc
// and argv and return the exit status: 0 fine, 1 findings or failure, 2 wrong usage. main makes it
// 2 where the standard output did not take everything.
#pragma once

int check_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int logins_main(int argc, char **argv);
int pins_main(int argc, char **argv);
int plan_main(int argc, char **argv);
int reload_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int status_main(int argc, char **argv);
int verify_main(int argc, char **argv);
