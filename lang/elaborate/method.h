/* Methods: hooks bound to the names that their place supplies. */
#ifndef REG_ELABORATE_METHOD_H
#define REG_ELABORATE_METHOD_H

#include "lang/elaborate/elaborate.h"

/* Names and required settings, at making; values are bound by method_bind at each use, so that settings may be schedules. */
bool method_check_settings(Elaborator *e, Instance *method);
/* Evaluates the settings where the method is used (a train block gives `progress`, `samples` …) and declares its states with
 * shapes. `around`: names that the place supplies to settings and states. */
bool method_bind(Elaborator *e, Instance *method, Scope *around);
const Tree *method_hook(const Instance *method, const char *name); /* NULL when it has none */
bool hook_wants(const Tree *hook, const char *name);
/* Runs a hook: parameters are taken from `supply` by name; a name that it lacks is E0601 saying which clause supplies it. */
Value hook_run(Elaborator *e, Instance *method, const Tree *hook, Scope *supply);
/* The clause of a train block that supplies a name such as `classes`; NULL for other names. */
const char *hook_supplier(const char *name);
/* States and parameters without a shape, or that mention `w`, are one for each parameter; without one they take the shape of `w`.
 * Declared on first use. */
bool method_parameter_states(Elaborator *e, Instance *method, Cell *parameter, Scope *into);

bool method_has_parameters(const Instance *method); /* trained ones, one for each parameter that it acts on */

Value method_weight(Elaborator *e, Instance *method, Member *member, Value raw);
Value method_activation(Elaborator *e, Instance *method, Value output, Value input);

#endif
