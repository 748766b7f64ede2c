/* What the tests say with: CHECK counts, and tells where and what; a test program returns `harness_report()`. */
#ifndef STOCKADE_TESTS_HARNESS_H
#define STOCKADE_TESTS_HARNESS_H

#include <stdio.h>

static int harness_checks, harness_failures;
static const char *harness_case = "";

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        harness_checks++;                                                                                              \
        if (!(condition)) {                                                                                            \
            harness_failures++;                                                                                        \
            fprintf(stderr, "%s:%d: [%s] not so: %s\n", __FILE__, __LINE__, harness_case, #condition);                 \
        }                                                                                                              \
    } while (0)

static int harness_report(void) {
    printf("%d checks, %d failures\n", harness_checks, harness_failures);
    return harness_failures > 0 || harness_checks == 0;
}

#endif
