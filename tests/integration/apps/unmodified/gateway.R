# A gateway of httpuv that knows nothing of traces. UPSTREAM is a base URL.
library(curl)

url <- paste0(Sys.getenv("UPSTREAM"), "/chat/completions")
words <- c("-q", "-sS", "-H", "Content-Type:application/json",
           "--data-binary", "@-", url)
line <- paste(c("curl", words), collapse = " ")

post <- function(body) {
    handle <- new_handle(copypostfields = body)
    handle_setheaders(handle, "Content-Type" = "application/json")
}

ask <- function(body) rawToChar(curl_fetch_memory(url, post(body))$content)

stream <- function(body) {
    pieces <- raw()
    curl_fetch_stream(url, function(piece) pieces <<- c(pieces, piece),
                      post(body))
    pieces
}

multi <- function(body) {
    answer <- NULL
    curl_fetch_multi(url, function(done) answer <<- done$content,
                     handle = post(body))
    multi_run()
    answer
}

piped <- function(body) {
    file <- tempfile()
    on.exit(unlink(file))
    writeLines(body, file)
    input <- pipe(paste(line, "<", file, "; echo"))
    on.exit(close(input), TRUE)
    readLines(input)
}

# The answer comes when the function has returned.
later <- function(body, work = ask) promises::then(
    promises::promise(function(resolve, reject) resolve(body)),
    function(body) list(status = 200L, headers = list(), body = work(body)))

calls <- function(body)
    paste(vapply(sys.calls(), function(f) deparse(f)[1], ""), collapse = "\n")

type <- c("Content-Type" = "application/json")
by_rcurl <- function(body)
    RCurl::getURL(url, postfields = body, httpheader = type)
by_httr <- function(body) httr::content(
    httr::POST(url, body = body, httr::content_type_json()), "text")

# Another request, /inner, is served between the two calls.
inner <- FALSE
outer <- function(body) {
    ask(body)
    while (!inner) httpuv::service(100)
    ask(body)
}

answers <- list(
    "/outer" = outer, "/inner" = function(body) {
        inner <<- TRUE
        ask(body)
    },
    "/env" = function(body) {
        system("true")
        system2("cat", input = body, stdout = TRUE)
        processx::run("true")
        sys::exec_wait("true")
        toString(grep("TRACE|DATADOG", names(Sys.getenv()), value = TRUE))
    },
    "/plain" = function(body) "plain",
    "/die" = function(body) stop("told to die"),
    "/broken" = function(body) rawToChar(as.raw(c(0x66, 0xff))),
    "/stream" = stream, "/multi" = multi, "/piped" = piped,
    "/later" = later, "/stack" = function(body) later(body, calls),
    "/calls" = calls, "/rcurl" = by_rcurl, "/httr" = by_httr,
    "/processx" = function(body)
        processx::run("curl", c(words[1:4], "-d", body, url))$stdout,
    "/sys" = function(body) rawToChar(sys::exec_internal(
        "curl", c(words[1:4], "-d", body, url))$stdout),
    "/child" = function(body)
        system2("curl", words, input = body, stdout = TRUE),
    "/shell" = function(body)
        system(paste0("echo '", body, "' | ", line), intern = TRUE))

serve <- function(req) {
    if (req$PATH_INFO == "/odd") { # a header that cannot be read
        rm("HTTP_TRACEPARENT", envir = req)
        makeActiveBinding("HTTP_TRACEPARENT", function() stop("odd"), req)
    }
    body <- rawToChar(req$rook.input$read())
    answer <- answers[[req$PATH_INFO]]
    said <- if (is.null(answer)) ask(body) else answer(body)
    if (promises::is.promise(said)) return(said)
    if (is.character(said)) said <- paste(said, collapse = "\n")
    list(status = 200L, headers = list("Content-Type" = "application/json"),
         body = said)
}

port <- as.integer(commandArgs(TRUE)[1])
httpuv::runServer("127.0.0.1", port, list(call = serve))
