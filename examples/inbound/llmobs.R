# llmobs.R - an R server that asks language models, in one trace with its caller:
#
#     source("llmobs.R")
#     llmobs$request(req, { ... }, entry = TRUE, input = body)
#
# `req` has the request's headers as CGI and Rook name them (HTTP_TRACEPARENT
# ...): the request of httpuv or plumber, or a list. Calls through the packages
# curl and httr in the expression are part of the trace, and of the ml_app, that
# the headers name; so are the calls of programs that it starts. `entry`: the
# request is a workflow span around them, of this name, or
# "chat-proxy-entrypoint" for TRUE; `input` is its input, and the expression's
# value is its output if it is text. Further spans nest:
#
#     docs <- llmobs$span("retrieval", "search", search(q), q)
#
# The spans need LLMOBS_COMMANDS=1, and so do servers with threads, as httpuv's
# and plumber's are. Without the library preloaded, all of this does nothing.
llmobs <- local({
    own <- c("TRACEPARENT", "TRACESTATE", "BAGGAGE")
    known <- c(own, "X_DATADOG_TRACE_ID", "X_DATADOG_PARENT_ID",
               "X_DATADOG_TAGS", "X_DATADOG_SAMPLING_PRIORITY",
               "X_DATADOG_ORIGIN")
    who <- c("X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP",
             "X_FORWARDED", "FORWARDED_FOR", "X_CLIENT_IP",
             "X_CLUSTER_CLIENT_IP", "TRUE_CLIENT_IP", "CF_CONNECTING_IP",
             "CF_CONNECTING_IPV6", "FASTLY_CLIENT_IP", "FLY_CLIENT_IP",
             "VIA", "X_ENVOY_EXTERNAL_ADDRESS",
             "X_AZURE_CLIENTIP", "X_AZURE_SOCKETIP",
             "CLOUDFRONT_VIEWER_ADDRESS", "X_APPENGINE_USER_IP",
             "X_ORIGINAL_FORWARDED_FOR", "X_VERCEL_FORWARDED_FOR")
    carried <- c(own, "REMOTE_ADDR", paste0("HTTP_", c(known, who)))

    # A string of JSON, or an object of a list's elements.
    json <- function(value) {
        if (!is.list(value)) return(quoted(value))
        if (!length(value)) return("{}")
        names <- vapply(names(value), quoted, "")
        paste0("{", paste0(names, ":", vapply(value, json, ""),
                           collapse = ","), "}")
    }

    quoted <- function(text) {
        text <- paste(text, collapse = "\n")
        if (validUTF8(text)) Encoding(text) <- "UTF-8"
        else text <- iconv(text, "latin1", "UTF-8")
        codes <- unique(utf8ToInt(text))
        odd <- codes[codes < 32 | codes == 127 | codes == 34]
        for (code in c(92, odd)) # the backslash comes first
            text <- gsub(intToUtf8(code), sprintf("\\u%04x", code), text,
                         fixed = TRUE)
        paste0('"', text, '"')
    }

    # No transfer takes place, and libcurl answers that it knows no such
    # protocol, with the library or without.
    command <- function(name, what) {
        url <- paste0("llmobs://", name)
        type <- c("Content-Type" = "application/vnd.llmobs")
        tryCatch(
            if (requireNamespace("curl", quietly = TRUE)) {
                handle <- curl::new_handle(copypostfields = json(what))
                curl::handle_setheaders(handle, .list = type)
                curl::curl_fetch_memory(url, handle)
            } else if (isNamespaceLoaded("RCurl"))
                RCurl::curlPerform(url = url, postfields = json(what),
                                   httpheader = type),
            error = function(e) NULL)
    }

    text <- function(value) if (is.character(value)) value

    # NULL leaves a member out.
    some <- function(...) Filter(Negate(is.null), list(...))

    says <- function(kind, name, input)
        some(kind = kind, name = name, input = text(input))

    failed <- function(e)
        list(error = list(type = class(e)[1],
                          message = sub("\n.*", "", conditionMessage(e))))

    # Returns the work's result, and passes it, or its error, to `end`.
    watch <- function(work, end) {
        said <- list(error = list(type = "unfinished",
                                  message = "left before its end"))
        on.exit(end(said))
        result <- tryCatch(work, error = function(e) {
            said <<- failed(e)
            stop(e)
        })
        said <- some(output = text(result))
        result
    }

    set <- function(values) {
        values <- vapply(values, as.character, "") # or nothing changes
        Sys.unsetenv(carried)
        if (length(values)) do.call(Sys.setenv, as.list(values))
    }

    headers_of <- function(env, names) {
        given <- lapply(paste0("HTTP_", names), function(n) env[[n]])
        names(given) <- chartr("_", "-", tolower(names))
        Filter(Negate(is.null), given)
    }

    # None without a context in the request: the process keeps its own, if it
    # has one.
    context_of <- function(env) {
        headers <- headers_of(env, known)
        if (length(headers)) c(headers, headers_of(env, who))
    }

    # For the programs that the request starts. Gives what is to be set at its
    # end.
    carry <- function(env) {
        before <- Sys.getenv(carried, NA, names = TRUE)
        headers <- context_of(env)
        if (length(headers))
            set(c(structure(headers, names = paste0(
                "HTTP_", chartr("-", "_", toupper(names(headers))))),
                some(REMOTE_ADDR = env[["REMOTE_ADDR"]])))
        before[!is.na(before)]
    }

    name_of <- function(entry)
        if (isTRUE(entry)) "chat-proxy-entrypoint" else text(entry)

    start <- function(env, entry = NULL, input = NULL) {
        headers <- context_of(env)
        if (length(headers))
            headers <- c(headers, some(":remote-addr" = env[["REMOTE_ADDR"]]))
        name <- name_of(entry)
        command("request/start", some(
            headers = as.list(headers),
            entry = if (length(name)) says("workflow", name, input)))
    }

    finish <- function(said) command("request/finish", some(entry = said))

    request <- function(env, work, entry = NULL, input = NULL) {
        before <- carry(env)
        on.exit(set(before))
        start(env, entry, input)
        watch(work, function(said) finish(if (length(name_of(entry))) said))
    }

    span <- function(kind, name, work, input = NULL) {
        command("span/start", says(kind, name, input))
        watch(work, function(said) command("span/finish", said))
    }

    # The hook of `llmobs-run --inbound` uses the rest.
    list(request = request, span = span, start = start, finish = finish,
         carry = carry, restore = set, error_of = failed,
         count_failure = function() command("hook/failed", list()))
})
