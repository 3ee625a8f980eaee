// SPDX-License-Identifier: Apache-2.0
// The door of auth: how far authentication has tied a link to a person. Pure; owns nothing.
#pragma once

#include "auth/binding.h"
