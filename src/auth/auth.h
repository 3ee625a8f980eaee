// SPDX-License-Identifier: Apache-2.0
// The door of auth: how far authentication has tied a link to a person, and what became of a login.
// Pure; owns nothing.
#pragma once

#include "auth/attempt.h"
#include "auth/binding.h"
