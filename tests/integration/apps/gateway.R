# A gateway: one thread, one connection at a time, which is kept alive.
# usage: Rscript gateway.R PORT [ENTRY]; UPSTREAM is a base URL.
args <- commandArgs(FALSE)
here <- dirname(sub("^--file=", "", grep("^--file=", args, value = TRUE)))
source(file.path(here, "../../../examples/inbound/llmobs.R"))
args <- commandArgs(TRUE)
entry <- if (length(args) > 1) if (args[2] == "1") TRUE else args[2]
url <- paste0(Sys.getenv("UPSTREAM"), "/chat/completions")

ask <- function(body) {
    if (body == "die") stop("told to die\nat once")
    handle <- curl::new_handle(copypostfields = body)
    curl::handle_setheaders(handle, "Content-Type" = "application/json")
    rawToChar(curl::curl_fetch_memory(url, handle)$content)
}

# Of a connection; NULL at its end.
read_request <- function(client) {
    if (!length(readLines(client, 1))) return(NULL)
    env <- list()
    while (length(line <- readLines(client, 1)) && nzchar(line)) {
        name <- chartr("-", "_", toupper(sub(":.*", "", line)))
        env[[paste0("HTTP_", name)]] <- sub("^[^:]*: *", "", line)
    }
    body <- readBin(client, "raw", as.integer(env$HTTP_CONTENT_LENGTH))
    list(env = env, body = rawToChar(body))
}

serve <- function(client) {
    while (!is.null(asked <- read_request(client))) {
        status <- 200
        said <- tryCatch(
            llmobs$request(asked$env, ask(asked$body), entry = entry,
                           input = asked$body),
            error = function(e) {
                status <<- 500
                conditionMessage(e)
            })
        head <- c(paste("HTTP/1.1", status, "Said"),
                  paste("X-Worker:", Sys.getpid()),
                  paste("Content-Length:", nchar(said, "bytes")), "", "")
        writeBin(charToRaw(paste0(paste(head, collapse = "\r\n"), said)),
                 client)
    }
    close(client)
}

listener <- serverSocket(as.integer(args[1]))
repeat serve(socketAccept(listener, blocking = TRUE, open = "r+b",
                          timeout = 60))
