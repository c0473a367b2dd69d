# hook_httpuv.R - the part of hook.R that a program with httpuv, curl or RCurl
# loads. A request is the current one while httpuv runs the application's
# function, and while a promise runs what that function has left to it. The library
# is told of it just before a transfer, and the programs that it starts by their
# environment: a request that asks no model costs two calls of functions.
#
# The code goes into functions of the packages, in front of their own, so that
# no call in a program's stack is the hook's.
#
# LLMOBS_ENTRY and LLMOBS_ENTRY_CONTENT: see llmobs.php.
most <- 2^20
entry <- Sys.getenv("LLMOBS_ENTRY")
entry <- if (entry == "1") TRUE else if (!entry %in% c("", "0")) entry
content <- Sys.getenv("LLMOBS_ENTRY_CONTENT") == "1"
sys.source(file.path(folder, "llmobs.R"), environment())

# Requests, as httpuv has them: the one that is served now, the one that the
# library knows, the one with an open span, and the one whose variables the
# environment has.
current <- told <- entered <- carried <- NULL
outer <- NULL # of requests that serve another one meanwhile
before <- NULL # variables
busy <- FALSE # in a transfer of the hook's own

quietly <- function(work) {
    busy <<- TRUE
    on.exit(busy <<- FALSE)
    tryCatch(suppressMessages(suppressWarnings(work)), error = function(e)
        tryCatch(llmobs$count_failure(), error = function(e) NULL))
    NULL
}

# ---- the library -------------------------------------------------------------

start <- function(entry = NULL, input = NULL) {
    if (!is.null(entered)) llmobs$finish(list())
    told <<- current
    entered <<- if (!is.null(entry)) current
    llmobs$start(current, entry, input)
}

tell <- function()
    if (!busy && !identical(current, told)) quietly(start())

carry <- function()
    if (!busy && !identical(current, carried)) {
        uncarry()
        if (!is.null(current)) quietly({
            before <<- llmobs$carry(current)
            carried <<- current
        })
    }

uncarry <- function() if (!is.null(carried)) {
    quietly(llmobs$restore(before))
    carried <<- NULL
}

# ---- the server --------------------------------------------------------------

text_of <- function(body) {
    if (is.character(body)) { # as httpuv sends it, unless it is known
        if (any(Encoding(body) == "latin1")) body <- enc2utf8(body)
        body <- charToRaw(paste(body, collapse = ""))
    }
    if (!is.raw(body) || any(body == as.raw(0L))) return()
    body <- body[seq_len(min(length(body), most))]
    iconv(rawToChar(body), "UTF-8", "UTF-8", sub = "\ufffd")
}

# The body as httpuv has put it into a file, which it reads from the begin.
read_input <- function(data, size) {
    if (!content || is.null(data)) return()
    force(size)
    seek(data, 0)
    text_of(readBin(data, raw(), min(size, most)))
}

ended <- function(answer, problem) {
    answer <- unclass(answer)
    if (!is.list(answer)) answer <- list()
    said <- if (!is.null(problem)) llmobs$error_of(problem)
        else if (isTRUE(answer$status >= 500)) list(error = list(
            type = paste0("http_", answer$status),
            message = paste("answered with status", answer$status)))
        else list()
    if (content) said$output <- text_of(answer$body)
    said
}

begin <- function(request, head, data, size) {
    if (!is.null(current)) outer <<- list(current, outer)
    current <<- request
    if (!is.null(entry) && !head) quietly(start(entry, read_input(data, size)))
}

# Most requests have told nobody: `identical` costs as much as all the rest.
finish <- function(answer, frame) {
    if (!is.null(told) || !is.null(carried)) forget(answer, frame)
    if (is.null(outer)) return(current <<- NULL)
    current <<- outer[[1L]]
    outer <<- outer[[2L]]
}

forget <- function(answer, frame) {
    if (identical(told, current)) {
        quietly(llmobs$finish(if (identical(entered, current))
            ended(answer, frame$compute_error)))
        told <<- entered <<- NULL
    }
    if (identical(carried, current)) uncarry()
}

# Follows a function that the request has left to a promise: its part of the
# request begins and ends with it. One that might take the end away gets a
# function around it.
then <- function(f) {
    if (is.null(current) || is.primitive(f)) return(f)
    followed <- f
    quietly(followed <- follow(f, current))
    followed
}

follow <- function(f, request) {
    force(request)
    if ("on.exit" %in% all.names(body(f))) return(function(...) {
        resume(request)
        on.exit(finish(NULL, NULL))
        f(...)
    })
    spliced(f, calls(resume, request),
            call("on.exit", calls(finish, NULL, NULL)))
}

resume <- function(request) begin(request, TRUE)

# ---- where it goes in --------------------------------------------------------

spliced <- function(f, ...) {
    body(f) <- as.call(list(as.name("{"), ..., body(f)))
    f
}

splice <- function(where, name, ...) {
    f <- spliced(get(name, where, mode = "function", inherits = FALSE), ...)
    locked <- bindingIsLocked(name, where)
    unlockBinding(name, where)
    assign(name, f, where)
    if (locked) lockBinding(name, where)
}

calls <- function(f, ...) as.call(list(f, ...))

splice_all <- function(where, names, f)
    for (name in names) splice(where, name, calls(f))

as_loaded <- function(package, work) {
    if (isNamespaceLoaded(package)) return(work(package))
    setHook(packageEvent(package, "onLoad"), function(...)
        quietly(work(package)))
}

# Where the function takes away what is to be done at its end, the request's end
# does it.
starts_program <- function(where, name) splice(where, name, calls(carry),
    call("on.exit", calls(uncarry), TRUE))

starters <- c(processx = "process_initialize", sys = "execute")
starts_in <- function(package)
    starts_program(asNamespace(package), starters[[package]])

patches <- list(
    httpuv = function(where) {
        splice(where, "rookCall",
            calls(begin, quote(req), quote(missing(data)), quote(data),
                  quote(dataLength)),
            call("on.exit", calls(finish, quote(returnValue()),
                                  quote(environment()))))
        globals <- asNamespace("promises")$globals
        if (is.null(globals$domain))
            globals$domain <- promises::new_promise_domain(then, then)
        splice_all(baseenv(), "pipe", carry) # it starts as it is opened
        starts_program(baseenv(), "system")
        starts_program(baseenv(), "system2")
        for (name in names(starters)) as_loaded(name, starts_in)
    },
    curl = function(where) splice_all(where, c(
        "curl_connection", "curl_download", "curl_fetch_memory",
        "curl_fetch_disk", "multi_add"), tell),
    RCurl = function(where) splice_all(where, c(
        "curlPerform", "curlMultiPerform", "getCurlMultiHandle"), tell))

loaded <- function(package)
    quietly(patches[[package]](asNamespace(package)))
