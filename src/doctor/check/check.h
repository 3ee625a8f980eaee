// SPDX-License-Identifier: Apache-2.0
// A check is a pure function from facts to findings: it looks at nothing else and asks nobody. One
// file each; a check that does not apply, or whose facts are not known, says nothing. They run in
// the order of the table; `unexplained` alone reads what those before it said.
#pragma once

#include "doctor/facts.h"
#include "doctor/finding.h"

#define CHECK_ROW(id, rank, summary) void check_##id(const struct facts *, struct diagnosis *);
#include "doctor/check/checks.tbl"
#undef CHECK_ROW
