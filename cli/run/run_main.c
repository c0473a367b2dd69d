/* llmobs-run and llmobs-entrypoint. */
#include "cli/run/run.h"

int main(int argc, char **argv)
{
    return llmobs_cmd_run(argc, argv);
}
