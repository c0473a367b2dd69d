# usage: Rscript httr2.R INTERFACE URL (MODE FILE)...
#
# As ellmer asks. easy: a document by httr2, a stream from a connection of curl,
# which is what httr2's req_perform_connection opens (tidyverse/ellmer,
# R/httr2.R; Debian 12's httr2 has not got it yet); multi: all of them run
# together, as in its parallel_chat.
library(httr2)

ask <- function(url, mode, file) {
    req <- request(url)
    req <- req_body_raw(req, readChar(file, file.size(file)),
                        "application/json")
    req <- req_error(req, is_error = function(resp) FALSE)
    if (mode == "timeout") req <- req_timeout(req, 0.6)
    req
}

tell <- function(mode, got) {
    good <- inherits(got, "httr2_response")
    cat(mode, if (good) resp_status(got) else "failed",
        if (good) resp_body_string(got), "\n")
    !good
}

stream <- function(url, mode, file) {
    handle <- curl::new_handle(postfields = readChar(file, file.size(file)))
    curl::handle_setheaders(handle, "Content-Type" = "application/json")
    connection <- curl::curl(url, handle = handle)
    open(connection, "rbf", blocking = FALSE)
    text <- ""
    while (isIncomplete(connection)) {
        piece <- readBin(connection, raw(), 256)
        if (length(piece)) text <- paste0(text, rawToChar(piece))
        else Sys.sleep(0.01)
    }
    close(connection)
    cat(mode, curl::handle_data(handle)$status_code, text, "\n")
    FALSE
}

one <- function(url, mode, file) {
    if (mode == "stream") return(stream(url, mode, file))
    got <- tryCatch(req_perform(ask(url, mode, file)), error = function(e) NULL)
    tell(mode, got)
}

args <- commandArgs(TRUE)
calls <- matrix(args[-(1:2)], nrow = 2)
failed <- 0
if (args[1] == "multi") {
    reqs <- lapply(seq_len(ncol(calls)), function(i)
        ask(args[2], calls[1, i], calls[2, i]))
    got <- multi_req_perform(reqs)
    for (i in seq_along(got))
        failed <- failed + tell(calls[1, i], got[[i]])
} else {
    for (i in seq_len(ncol(calls)))
        failed <- failed + one(args[2], calls[1, i], calls[2, i])
}
quit(status = failed)
