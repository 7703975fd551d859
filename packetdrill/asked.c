/* asked.c: what packetdrill asks the kernel, though it has a table of calls: for its code blocks it
 * calls libc's getsockopt itself (TCP_INFO, TCP_CC_INFO, SO_MEMINFO), with a descriptor that only
 * the object understands.  So the program's entry for getsockopt, in its table of what it gets from
 * libraries, leads here while the object is in use. */
#include "packetdrill/asked.h"
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int asked_fn(int fd, int level, int name, void *value, socklen_t *len);

static struct {
    const struct packetdrill_interface *ifc;
    asked_fn *libc;
    asked_fn **slots[2]; /* for calls, and for its address */
    unsigned count;
} hook;

static int answer(int fd, int level, int name, void *value, socklen_t *len)
{
    if (object_owns(hook.ifc->userdata, fd))
        return hook.ifc->getsockopt(hook.ifc->userdata, fd, level, name, value, len);
    return hook.libc(fd, level, name, value, len);
}

static void point(asked_fn **slot, asked_fn *to)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)slot & ~(page - 1);
    if (mprotect((void *)at, page, PROT_READ | PROT_WRITE) == 0)
        *slot = to;
}

/* The entries for the name among `n` bytes of relocations. */
static void find(ElfW(Addr) base, const ElfW(Rela) * r, size_t n, const ElfW(Sym) * symbols,
                 const char *names)
{
    for (; n >= sizeof *r; r++, n -= sizeof *r) {
        size_t i = sizeof r->r_info == 8 ? (size_t)(r->r_info >> 32) : (size_t)(r->r_info >> 8);
        if (i && strcmp(names + symbols[i].st_name, "getsockopt") == 0 && hook.count < 2)
            hook.slots[hook.count++] = (asked_fn **)(base + r->r_offset);
    }
}

/* Of the program itself, which comes first. */
static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    const ElfW(Dyn) *d = NULL;
    const ElfW(Sym) *symbols = NULL;
    const ElfW(Rela) *rela = NULL, *calls = NULL;
    const char *names = NULL;
    size_t rela_n = 0, calls_n = 0;
    (void)size;
    (void)arg;
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            d = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    for (; d && d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            symbols = (const void *)d->d_un.d_ptr;
        else if (d->d_tag == DT_STRTAB)
            names = (const void *)d->d_un.d_ptr;
        else if (d->d_tag == DT_RELA)
            rela = (const void *)d->d_un.d_ptr;
        else if (d->d_tag == DT_RELASZ)
            rela_n = d->d_un.d_val;
        else if (d->d_tag == DT_JMPREL)
            calls = (const void *)d->d_un.d_ptr;
        else if (d->d_tag == DT_PLTRELSZ)
            calls_n = d->d_un.d_val;
    }
    if (symbols && names) {
        find(info->dlpi_addr, calls, calls ? calls_n : 0, symbols, names);
        find(info->dlpi_addr, rela, rela ? rela_n : 0, symbols, names);
    }
    return 1; /* only the first */
}

void asked_begin(const struct packetdrill_interface *ifc)
{
    if (hook.ifc)
        return;
    hook.ifc = ifc;
    hook.libc = getsockopt;
    hook.count = 0;
    (void)dl_iterate_phdr(look, NULL);
    for (unsigned i = 0; i < hook.count; i++)
        point(hook.slots[i], answer);
}

void asked_end(const void *userdata)
{
    if (!hook.ifc || hook.ifc->userdata != userdata)
        return;
    for (unsigned i = 0; i < hook.count; i++)
        point(hook.slots[i], hook.libc);
    hook.ifc = NULL;
}
