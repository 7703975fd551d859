/* panic.c: what happens when our own code is wrong.
 * Weak, so that an embedder can log, or reset its board, instead of trapping; whatever replaces it
 * must not return. */
#include "base/assert.h"

__attribute__((weak, visibility("default"))) _Noreturn void la_panic(const char *file, int line,
                                                                     const char *what)
{
    (void)file;
    (void)line;
    (void)what;
    __builtin_trap();
}
