// SPDX-License-Identifier: Apache-2.0
// A diagnosis as people read it, and as programs do.
#pragma once

#include <stdio.h>

#include "doctor/facts.h"
#include "doctor/finding.h"

// A short verdict, then the findings by weight; `is_verbose` adds notes, evidence and the facts in
// brief.
void report_print(FILE *out, const struct facts *facts, const struct diagnosis *diagnosis,
                  bool is_verbose);
// {"verdict":…, "healthy": true | false | null (the URL only leads elsewhere), "findings":[…],
// "facts":{…}}
void report_print_json(FILE *out, const struct facts *facts, const struct diagnosis *diagnosis);
