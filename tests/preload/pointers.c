/* pointers URL: calls libcurl through a table of constant addresses (ABS64 or
 * GLOB_DAT relocations). */
#include "tests/preload/fetch.h"

FETCH_LINKED(linked);

int main(int argc, char **argv)
{
    return argc == 2 ? fetch_both(&linked, argv[1]) : 64;
}
