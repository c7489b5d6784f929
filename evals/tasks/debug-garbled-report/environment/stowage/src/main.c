#include <stdio.h>

#include "stowage.h"

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: stowage FILE\n");
        return 1;
    }
    struct plan plan = {0};
    source_open(argv[1]);
    read_plan(&plan);
    print_plan(&plan);
    return 0;
}
