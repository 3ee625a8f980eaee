// SPDX-License-Identifier: Apache-2.0
// The door of doctor: why does Windows authentication fail here? It looks from outside as a client
// does, at any server or load balancer: facts first, each found once; then checks, pure functions
// from facts to findings; then a report. Nothing here runs inside the daemon.
#pragma once

#include "doctor/facts.h"
#include "doctor/file.h"
#include "doctor/finding.h"
#include "doctor/plan/plan.h"
#include "doctor/report.h"
#include "doctor/subject.h"
#include "doctor/verify.h"

// Looks at the subject: fills `facts`, which the caller made with facts_new. `progress` is called
// with a few words before each look, from any thread; it may be NULL.
void doctor_look(const struct subject *subject, struct facts *facts,
                 void (*progress)(void *context, const char *words), void *context);

// Does the URL only lead to another one, while nothing that was looked at asks for a login? Then
// whether people can log in could not be looked at.
bool doctor_is_elsewhere(const struct facts *facts);

// Runs every check over the facts. The findings are in order of weight.
void doctor_judge(const struct facts *facts, struct diagnosis *diagnosis);
