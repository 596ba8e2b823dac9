/* A `let` names a value. While nothing changes a parameter, `let w = net.w` and the parameter are one node, so that derivatives in `w`
 * are derivatives in the parameter; before a statement changes it, the name gets a copy of what it was. */
#ifndef REG_SCRIPT_SNAPSHOT_H
#define REG_SCRIPT_SNAPSHOT_H

#include "lang/script/session.h"

/* Before the cells of `changed` are written. False after a diagnostic. */
bool snapshot_lets(Session *session, const Selection *changed);

#endif
