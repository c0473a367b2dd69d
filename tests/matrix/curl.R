# usage: Rscript curl.R INTERFACE URL (MODE FILE)...
#
# The package's own easy calls run on a multi handle inside.
library(curl)

ask <- function(interface, url, mode, file) {
    answer <- NULL
    handle <- new_handle(postfields = readChar(file, file.size(file)))
    handle_setheaders(handle, "Content-Type" = "application/json")
    if (mode == "timeout") handle_setopt(handle, timeout_ms = 600)
    if (interface == "multi") {
        pool <- new_pool()
        curl_fetch_multi(url, done = function(got) answer <<- got,
                         fail = function(why) answer <<- why, pool = pool,
                         handle = handle)
        multi_run(pool = pool)
    } else {
        answer <- tryCatch(curl_fetch_memory(url, handle = handle),
                           error = function(e) "failed")
    }
    good <- is.list(answer)
    cat(mode, if (good) answer$status_code else "failed",
        if (good) rawToChar(answer$content), "\n")
    !good
}

args <- commandArgs(TRUE)
failed <- 0
for (i in seq(3, length(args), 2))
    failed <- failed + ask(args[1], args[2], args[i], args[i + 1])
quit(status = failed)
