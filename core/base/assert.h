/* assert.h: LA_ASSERT, always on and only for our own bugs.  No byte from a peer, a file or a
 * program can reach one: those get a counted drop or an error. */
#ifndef LA_BASE_ASSERT_H
#define LA_BASE_ASSERT_H

/* The one thing the core needs from its embedder besides memory.  The library brings a default
 * that traps; it must not return. */
_Noreturn void la_panic(const char *file, int line, const char *what);

#define LA_ASSERT(x) ((x) ? (void)0 : la_panic(__FILE__, __LINE__, #x))

#endif
