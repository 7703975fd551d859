/* files.c: the experiments that the program carries with it (cmake/embed.cmake makes the table). */
#include "lab/scenario/run.h"

#include <string.h>

extern const struct lab_file lab_files[]; /* in order of their names */
extern const unsigned lab_files_count;

const struct lab_file *lab_file(unsigned i)
{
    return i < lab_files_count ? &lab_files[i] : NULL;
}

const struct lab_file *lab_file_named(const char *name)
{
    for (unsigned i = 0; i < lab_files_count; i++) {
        if (strcmp(lab_files[i].name, name) == 0)
            return &lab_files[i];
    }
    return NULL;
}

const struct lab_file *lab_experiment(unsigned i)
{
    for (unsigned k = 0; k < lab_files_count; k++) {
        size_t n = strlen(lab_files[k].name);
        if (n > 4 && strcmp(lab_files[k].name + n - 4, ".lab") == 0 && i-- == 0)
            return &lab_files[k];
    }
    return NULL;
}
