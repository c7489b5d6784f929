#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stowage.h"

static char *pool; /* all names, each ended by a zero */
static size_t pool_used, pool_size;

static const char **table; /* open addressing, never more than half full */
static size_t table_count, table_size;

static size_t slot_of(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (const char *byte = text; *byte; byte++)
        hash = (hash ^ (unsigned char)*byte) * 1099511628211u;
    size_t slot = hash % table_size;
    while (table[slot] && strcmp(table[slot], text) != 0)
        slot = (slot + 1) % table_size;
    return slot;
}

static void grow_table(void) {
    const char **old = table;
    size_t old_size = table_size;
    table_size = table_size ? table_size * 2 : 64;
    table = calloc(table_size, sizeof *table);
    for (size_t slot = 0; slot < old_size; slot++)
        if (old[slot])
            table[slot_of(old[slot])] = old[slot];
    free(old);
}

static void grow_pool(size_t needed) {
    char *old = pool;
    while (pool_size - pool_used < needed)
        pool_size = pool_size ? pool_size * 2 : 512;
    pool = malloc(pool_size);
    if (old) {
        memcpy(pool, old, pool_used);
        for (size_t slot = 0; slot < table_size; slot++)
            if (table[slot])
                table[slot] = pool + (table[slot] - old);
        free(old);
    }
}

const char *name_of(const char *text, size_t length) {
    if (2 * (table_count + 1) > table_size)
        grow_table();
    size_t slot = slot_of(text);
    if (!table[slot]) {
        if (pool_size - pool_used < length + 1)
            grow_pool(length + 1);
        table[slot] = memcpy(pool + pool_used, text, length + 1);
        pool_used += length + 1;
        table_count++;
    }
    return table[slot];
}
