/* Opens a server that was built as a shared object, and runs it:
 * `plugin OBJECT ARGUMENT...`. Its libraries come with it, for it alone. */
#include <dlfcn.h>
#include <stddef.h>

int main(int argc, char **argv)
{
    void *object = argc > 1 ? dlopen(argv[1], RTLD_LAZY | RTLD_LOCAL) : NULL;
    int (*run)(int, char **) =
        object ? (int (*)(int, char **))dlsym(object, "main") : NULL;

    return run ? run(argc - 1, argv + 1) : 9;
}
