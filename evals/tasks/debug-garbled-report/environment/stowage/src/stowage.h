#ifndef STOWAGE_H
#define STOWAGE_H

#include <stddef.h>

/* source.c: the bytes of the file, through a window that moves along. */
void source_open(const char *path);
int source_peek(void);                      /* the next byte, or -1 at the end */
void source_step(void);                     /* go past it */
size_t source_mark(void);                   /* a token begins here: keep its bytes in the window */
size_t source_length(void);                 /* how many bytes since the mark */
size_t source_at(void);                     /* the place of the next byte in the window */
const char *source_bytes(size_t place);     /* the bytes from a place on */

/* lexer.c: tokens. */
enum kind { END, OPEN, CLOSE, WORD, QUOTED };
struct token {
    enum kind kind;
    int line;
    size_t length;
    char text[1001];
};
void next_token(struct token *token);
_Noreturn void fail(int line, const char *reason);

/* names.c: every name once, so that equal names are the same pointer. */
const char *name_of(const char *text, size_t length);

/* plan.c: the holds and the goods. */
struct hold {
    const char *name;
    struct hold *parent, *next; /* next in the order in which they begin */
    long long grams;
};
struct goods {
    const char *name;
    long long count, grams;
};
struct plan {
    struct hold *first, **last;
    struct goods *goods;
    size_t goods_count, goods_size;
    long long grams;
};
void read_plan(struct plan *plan);

/* report.c: what is printed. */
void print_plan(struct plan *plan);

#endif
