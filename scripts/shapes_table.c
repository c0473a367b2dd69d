/* Writes the index of all shapes as C: the build compiles it, and runs it on
 * the machine that builds. */
#include <stdio.h>

#include "rules/providers.h"
#include "rules/shapes_index.h"

int main(void)
{
    static struct llmobs_shapes_index index;
    size_t count = llmobs_shapes_index(llmobs_dialects, &index);

    if (count > LLMOBS_SHAPES_MAX) {
        fprintf(stderr, "%zu shapes: LLMOBS_SHAPES_MAX is less\n", count);
        return 1;
    }
    printf("#include \"rules/shapes.h\"\n"
           "const struct llmobs_shapes_index llmobs_shapes_known = {%zu, {",
           count);
    for (size_t i = 0; i <= LLMOBS_SHAPES_BUCKETS; i++)
        printf("%u,", index.first[i]);
    printf("}, {\n");
    for (size_t i = 0; i < count; i++)
        printf("{%#llx,%u},\n", (unsigned long long)index.links[i].key,
               index.links[i].next);
    return printf("}};\n") < 0;
}
