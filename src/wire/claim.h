// SPDX-License-Identifier: Apache-2.0
// Header fields in which a proxy says who its client is and what it asked for. A server believes
// them, so nobody else may send them. Judges names only; reads no value.
#pragma once

#include "base/span.h"

// May a server read a field of this name as such a claim: Forwarded (RFC 7239), X-Forwarded-*,
// Front-End-Https, X-ARR-*, X-Original-URL, X-Rewrite-URL? In any case, and with '_' for any '-',
// since variables of CGI and ISAPI (RFC 3875 section 4.1.18: HTTP_X_FORWARDED_FOR) show both alike.
bool claim_is(struct span name);
// Does the name show that the request came through another proxy: Via, Forwarded, X-Forwarded-For,
// spelt as above?
bool claim_shows_proxy(struct span name);
