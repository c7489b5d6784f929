#include <stdlib.h>
#include <string.h>

#include "stowage.h"

static struct token token;

static int is_word(const char *text) { return token.kind == WORD && strcmp(token.text, text) == 0; }

static const char *read_name(void) {
    next_token(&token);
    if ((token.kind != WORD && token.kind != QUOTED) || token.length == 0)
        fail(token.line, "a name is missing");
    if (memchr(token.text, '\0', token.length))
        fail(token.line, "a name holds a zero byte");
    return name_of(token.text, token.length);
}

static long read_digits(const char **text, long limit) {
    long value = 0;
    while (**text >= '0' && **text <= '9') {
        value = value * 10 + *(*text)++ - '0';
        if (value > limit)
            fail(token.line, "a number is too large");
    }
    return value;
}

static int read_count(void) {
    next_token(&token);
    const char *text = token.text;
    long count = read_digits(&text, 1000000);
    if (token.kind != WORD || *text || count < 1)
        fail(token.line, "a count is missing");
    return count;
}

/* Grams of one crate. */
static int read_weight(void) {
    next_token(&token);
    const char *text = token.text;
    long whole = read_digits(&text, 1000000000), thousandths = 0;
    int decimals = 0, line = token.line;
    if (token.kind != WORD || text == token.text)
        fail(line, "a weight is missing");
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9'; text++, decimals++)
            thousandths = thousandths * 10 + *text - '0';
        if (decimals < 1 || decimals > 3)
            fail(line, "a weight has one to three decimals");
        for (int missing = decimals; missing < 3; missing++)
            thousandths *= 10;
    }
    if (*text)
        fail(line, "a weight is no number");
    next_token(&token);
    long grams_of_unit = is_word("g") ? 1 : is_word("kg") ? 1000 : is_word("t") ? 1000000 : 0;
    if (!grams_of_unit)
        fail(token.line, "a unit is missing");
    long long thousand = (whole * 1000LL + thousandths) * grams_of_unit;
    if (thousand % 1000 || thousand < 1000 || thousand > 1000000000000)
        fail(line, "a crate weighs 1 to 1000000000 whole grams");
    return thousand / 1000;
}

static struct goods *find_goods(struct plan *plan, const char *name) {
    for (size_t i = plan->goods_count; i-- > 0;)
        if (plan->goods[i].name == name)
            return &plan->goods[i];
    if (plan->goods_count == plan->goods_size) {
        plan->goods_size = plan->goods_size ? plan->goods_size * 2 : 16;
        plan->goods = realloc(plan->goods, plan->goods_size * sizeof *plan->goods);
    }
    struct goods *goods = &plan->goods[plan->goods_count++];
    *goods = (struct goods){.name = name};
    return goods;
}

static void read_crate(struct plan *plan, struct hold *inside) {
    struct goods *goods = find_goods(plan, read_name());
    int count = read_count();
    next_token(&token);
    if (!is_word("x"))
        fail(token.line, "x is missing");
    long long grams = read_weight() * count;
    goods->count += count;
    goods->grams += grams;
    plan->grams += grams;
    for (struct hold *hold = inside; hold; hold = hold->parent)
        hold->grams += grams;
}

static void read_items(struct plan *plan, struct hold *inside, int depth) {
    for (next_token(&token); token.kind != END && token.kind != CLOSE; next_token(&token)) {
        if (is_word("crate")) {
            read_crate(plan, inside);
        } else if (is_word("hold")) {
            if (depth == 200)
                fail(token.line, "holds are too deep");
            struct hold *hold = calloc(1, sizeof *hold);
            hold->parent = inside;
            hold->name = read_name();
            next_token(&token);
            if (token.kind != OPEN)
                fail(token.line, "{ is missing");
            *plan->last = hold;
            plan->last = &hold->next;
            read_items(plan, hold, depth + 1);
        } else {
            fail(token.line, "neither hold nor crate");
        }
    }
    if ((token.kind == CLOSE) != (depth > 0))
        fail(token.line, depth ? "} is missing" : "} without a hold");
}

void read_plan(struct plan *plan) {
    plan->last = &plan->first;
    read_items(plan, NULL, 0);
}
