#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stowage.h"

static void print_name(const char *name) {
    putchar('"');
    for (; *name; name++)
        if (*name == '\n')
            fputs("\\n", stdout);
        else if (*name == '"' || *name == '\\')
            printf("\\%c", *name);
        else
            putchar(*name);
    putchar('"');
}

static void print_path(const struct hold *hold) {
    if (hold->parent) {
        print_path(hold->parent);
        fputs(" / ", stdout);
    }
    print_name(hold->name);
}

static void print_weight(long long grams) { printf("%lld.%03lld kg\n", grams / 1000, grams % 1000); }

static int by_name(const void *left, const void *right) {
    return strcmp(((const struct goods *)left)->name, ((const struct goods *)right)->name);
}

void print_plan(struct plan *plan) {
    for (const struct hold *hold = plan->first; hold; hold = hold->next) {
        fputs("hold ", stdout);
        print_path(hold);
        fputs(": ", stdout);
        print_weight(hold->grams);
    }
    if (plan->goods_count)
        qsort(plan->goods, plan->goods_count, sizeof *plan->goods, by_name);
    for (size_t i = 0; i < plan->goods_count; i++) {
        fputs("goods ", stdout);
        print_name(plan->goods[i].name);
        printf(": %lld x, ", plan->goods[i].count);
        print_weight(plan->goods[i].grams);
    }
    fputs("total: ", stdout);
    print_weight(plan->grams);
}
