#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stowage.h"

static int line = 1;

void fail(int line, const char *reason) {
    fprintf(stderr, "line %d: %s\n", line, reason);
    exit(2);
}

static void step(int byte) {
    if (byte == '\n')
        line++;
    source_step();
}

static int is_space(int byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

static void skip(void) {
    for (int byte = source_peek(); is_space(byte) || byte == '#'; byte = source_peek()) {
        if (byte == '#')
            while (byte != -1 && byte != '\n') {
                source_step();
                source_mark();
                byte = source_peek();
            }
        else
            step(byte);
        source_mark();
    }
}

static void copy(struct token *token, const char *text, size_t length) {
    if (token->length + length >= sizeof token->text)
        fail(token->line, "a name is too long");
    memcpy(token->text + token->length, text, length);
    token->length += length;
}

static void read_quoted(struct token *token) {
    source_step();
    size_t start = source_mark(); /* of the piece that is not copied yet */
    for (;;) {
        int byte = source_peek();
        if (byte == -1)
            fail(token->line, "a quote does not end");
        if (byte != '"' && byte != '\\') {
            step(byte);
            if (source_length() > 2010)
                fail(token->line, "a name is too long");
            continue;
        }
        copy(token, source_bytes(start), source_at() - start);
        source_step();
        if (byte == '"')
            break;
        byte = source_peek();
        if (byte != '"' && byte != '\\' && byte != 'n')
            fail(token->line, "an unknown escape");
        copy(token, byte == 'n' ? "\n" : byte == '"' ? "\"" : "\\", 1);
        source_step();
        start = source_at();
    }
}

void next_token(struct token *token) {
    skip();
    source_mark();
    token->line = line;
    token->length = 0;
    int byte = source_peek();
    if (byte == -1) {
        token->kind = END;
    } else if (byte == '{' || byte == '}') {
        token->kind = byte == '{' ? OPEN : CLOSE;
        source_step();
    } else if (byte == '"') {
        token->kind = QUOTED;
        read_quoted(token);
    } else {
        token->kind = WORD;
        while (byte != -1 && !is_space(byte) && byte != '{' && byte != '}' && byte != '"' && byte != '#') {
            source_step();
            if (source_length() > 1000)
                fail(token->line, "a name is too long");
            byte = source_peek();
        }
        copy(token, source_bytes(source_at() - source_length()), source_length());
    }
    token->text[token->length] = '\0';
}
