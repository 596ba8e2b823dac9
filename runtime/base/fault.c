#include "runtime/base/fault.h"

#include <stdarg.h>
#include <stdio.h>

bool fault_set(Fault *fault, const char *format, ...) {
    if (!fault) return false;
    /* Formatted beside the target: the arguments may point into the fault itself. */
    char message[sizeof fault->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    snprintf(fault->message, sizeof fault->message, "%s", message);
    fault->help[0] = '\0';
    fault->step = -1;
    return false;
}

bool fault_help(Fault *fault, const char *format, ...) {
    if (!fault) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->help, sizeof fault->help, format, args);
    va_end(args);
    return false;
}
