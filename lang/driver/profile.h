/* What `reg run --profile` prints: time by source line, with flops, bytes and the share of what this machine could do. */
#ifndef REG_DRIVER_PROFILE_H
#define REG_DRIVER_PROFILE_H

#include "lang/script/session.h"

/* Everything that the session computed so far; its plans have been freed. Measures the machine's peaks, some 50 ms. */
void profile_report(Session *session);

#endif
