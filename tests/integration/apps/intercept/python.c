/* A Python that contains its module ssl, as far as its symbols tell, and prints
 * the file that its library requests would take. */
#include <stdio.h>
#include <stdlib.h>

void PyInit__ssl(void)
{
}

int main(void)
{
    const char *file = getenv("REQUESTS_CA_BUNDLE");

    puts(file ? file : "None");
    return 0;
}
