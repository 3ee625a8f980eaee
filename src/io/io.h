// SPDX-License-Identifier: Apache-2.0
// The door of io, the only place that talks to the kernel about descriptors, time and names.
#pragma once

#include "io/address.h"
#include "io/channel.h"
#include "io/dial.h"
#include "io/listener.h"
#include "io/local.h"
#include "io/loop.h"
#include "io/mail.h"
#include "io/pipes.h"
#include "io/relay.h"
#include "io/resolver.h"
#include "io/socket.h"
#include "io/thread.h"
