/* The crasher in C: reads address zero in its first two lives, and is started again each time. crasher.py is the same. */
#include <inttypes.h>
#include <stdio.h>

#include <stockade.h>

/* Volatile: what is at address zero is undefined, and a compiler that saw it might leave the reading out. */
static volatile int *volatile nowhere = NULL;

int main(void) {
    stockade_core *core = NULL;
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what is printed goes to the log before the crash */
    stockade_status status = stockade_connect(&core, NULL, NULL);
    if (status == STOCKADE_OK)
        status = stockade_ready(core, NULL);
    if (status == STOCKADE_OK && stockade_generation(core) <= 2) {
        printf("reading address zero, in life %" PRIu64 "\n", stockade_generation(core));
        return *nowhere;
    }
    if (status == STOCKADE_OK)
        puts("this time all is well");
    stockade_free(core); /* takes leave */
    return stockade_exit_status(status);
}
