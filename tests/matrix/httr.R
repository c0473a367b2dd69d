# usage: Rscript httr.R INTERFACE URL (MODE FILE)...      its calls run on a
# multi handle inside
library(httr)

ask <- function(url, mode, file) {
    more <- if (mode == "timeout") timeout(0.6) else NULL
    answer <- tryCatch(
        POST(url, body = readChar(file, file.size(file)), content_type_json(),
             more),
        error = function(e) NULL)
    good <- !is.null(answer)
    cat(mode, if (good) status_code(answer) else "failed",
        if (good) content(answer, "text", encoding = "UTF-8"), "\n")
    !good
}

args <- commandArgs(TRUE)
failed <- 0
for (i in seq(3, length(args), 2))
    failed <- failed + ask(args[2], args[i], args[i + 1])
quit(status = failed)
