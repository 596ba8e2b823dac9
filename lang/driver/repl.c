#include "lang/driver/commands.h"
int command_repl(const Options *options) { (void)options; return 0; }
int command_test(const Options *options) { (void)options; return 0; }
