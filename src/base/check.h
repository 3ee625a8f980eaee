// SPDX-License-Identifier: Apache-2.0
// CHECK states what must hold if our own code is right. It is always compiled in; a failure prints
// where it was and ends the process, because going on with a broken invariant could mix two people
// up.
#pragma once

_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(#condition, __FILE__, __LINE__);                                          \
    } while (0)

#define UNREACHABLE(what) check_failed("unreachable: " what, __FILE__, __LINE__)
