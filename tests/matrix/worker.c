/* A library that PostgreSQL preloads. Its background worker makes the calls
 * that the environment names (MATRIX_CALLS: the client's arguments, one a
 * line), and writes to the file MATRIX_OUT what came of them, as pg_net's does
 * with its tables: one process that all sessions share, a multi driven by its
 * sockets (supabase/pg_net, src/worker.c and src/core.c). Built with client.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#include "fmgr.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"

PG_MODULE_MAGIC;

void _PG_init(void);
PGDLLEXPORT void matrix_main(Datum number);
int ask(const char *interface, const char *url, const char *mode,
        const char *file);

#define CALLS_MAX 16

void matrix_main(Datum number)
{
    char *text = getenv("MATRIX_CALLS"), *part[CALLS_MAX], *out;
    int count = 0, failed = 0;

    (void)number;
    BackgroundWorkerUnblockSignals();
    out = getenv("MATRIX_OUT");
    if (!text || !out || !freopen(out, "w", stdout))
        proc_exit(1);
    for (text = strtok(text, "\n"); text && count < CALLS_MAX;
         text = strtok(NULL, "\n"))
        part[count++] = text;
    for (int i = 2; i + 1 < count; i += 2)
        failed += ask(part[0], part[1], part[i], part[i + 1]);
    printf("end %d\n", failed);
    fflush(stdout);
    proc_exit(0);
}

void _PG_init(void)
{
    BackgroundWorker worker = {
        .bgw_name = "matrix",
        .bgw_type = "matrix",
        .bgw_flags = BGWORKER_SHMEM_ACCESS,
        .bgw_start_time = BgWorkerStart_RecoveryFinished,
        .bgw_restart_time = BGW_NEVER_RESTART,
        .bgw_function_name = "matrix_main",
    };

    strlcpy(worker.bgw_library_name, getenv("MATRIX_LIBRARY"),
            sizeof(worker.bgw_library_name));
    RegisterBackgroundWorker(&worker);
}
