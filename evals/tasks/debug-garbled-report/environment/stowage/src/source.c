#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stowage.h"

static FILE *file;
static char window[4096];
static size_t at, end, mark;

void source_open(const char *path) {
    file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
}

static void fill(void) {
    /* What was read before the mark is not needed any more. */
    memmove(window, window + mark, end - mark);
    at -= mark;
    end -= mark;
    mark = 0;
    end += fread(window + end, 1, sizeof window - end, file);
}

int source_peek(void) {
    if (at == end)
        fill();
    return at == end ? -1 : (unsigned char)window[at];
}

void source_step(void) { at++; }

size_t source_mark(void) { return mark = at; }

size_t source_at(void) { return at; }

size_t source_length(void) { return at - mark; }

const char *source_bytes(size_t place) { return window + place; }
