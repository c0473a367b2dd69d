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
# value is its output if it is text, a list or a data frame. Further spans nest
# (LANGUAGES.md):
#
#     docs <- llmobs$span("retrieval", "search", search(q), q)
#
# Without the library preloaded, all of this does nothing.
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

    # A data frame is a list of its rows. A list is an object of its elements,
    # or an array, where they have no names.
    json <- function(value) {
        if (is.data.frame(value))
            value <- lapply(seq_len(nrow(value)),
                            function(i) as.list(value[i, , drop = FALSE]))
        if (is.list(value)) {
            names <- names(value)
            parts <- vapply(value, json, "", USE.NAMES = FALSE)
            if (is.null(names) && length(value))
                return(paste0("[", paste(parts, collapse = ","), "]"))
            parts <- paste0(vapply(names, quoted, ""), rep(":", length(value)),
                            parts, collapse = ",")
            return(paste0("{", parts, "}"))
        }
        if (length(value) == 1 && is.logical(value) && !is.na(value))
            return(tolower(value))
        if (length(value) == 1 && is.numeric(value) && is.finite(value))
            return(format(as.numeric(value), digits = 15,
                          decimal.mark = "."))
        quoted(if (is.atomic(value) || is.null(value)) value else class(value)[1])
    }

    # All of it is ASCII: R's .C writes other letters in the locale's way.
    quoted <- function(text) {
        text <- paste(text, collapse = "\n")
        if (validUTF8(text)) Encoding(text) <- "UTF-8"
        else text <- iconv(text, "latin1", "UTF-8")
        codes <- utf8ToInt(text)
        parts <- intToUtf8(codes, multiple = TRUE)
        odd <- codes < 32 | codes > 126 | codes == 34 | codes == 92
        far <- codes > 0xffff
        parts[odd] <- sprintf("\\u%04x", codes[odd])
        parts[far] <- sprintf("\\u%04x\\u%04x", 0xd7c0L + codes[far] %/% 1024L,
                              0xdc00L + codes[far] %% 1024L)
        paste0('"', paste(parts, collapse = ""), '"')
    }

    # NULL: the library is not there. Asked for at the first command.
    delayedAssign("symbol", tryCatch({
        loaded <- grep("/libllmobs_preload\\.so$", readLines("/proc/self/maps"),
                       value = TRUE)
        if (length(loaded))
            getNativeSymbolInfo("llmobs_command",
                                dyn.load(sub("^[^/]*", "", loaded[1])))
    }, error = function(e) NULL))

    # Gives the answer; "" where nothing was done.
    command <- function(name, what) tryCatch(
        if (is.null(symbol)) "" else .C(symbol, paste(name, json(what)))[[1]],
        error = function(e) "")

    text <- function(value)
        if (is.character(value) || is.list(value)) value

    # NULL leaves a member out.
    some <- function(...) Filter(Negate(is.null), list(...))

    says <- function(kind, name, input, ...)
        some(kind = kind, name = name, input = text(input), ...)

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

    # `...`: session_id, tags = list(...), metadata, metrics, model_name ...
    span <- function(kind, name, work, input = NULL, ...) {
        said <- command("span/start", says(kind, name, input, ...))
        if (!nzchar(said)) return(watch(work, identity))
        lines <- strsplit(said, "\n")[[1]]
        given <- as.list(sub("^[^=]*=", "", lines))
        names(given) <- sub("=.*", "", lines)
        outer <- list(open, Sys.getenv(own, NA, names = TRUE))
        on.exit({ # for the programs that the work has started
            open <<- outer[[1]]
            Sys.unsetenv(own)
            before <- as.list(outer[[2]][!is.na(outer[[2]])])
            if (length(before)) do.call(Sys.setenv, before)
        })
        open <<- given[3:4]
        do.call(Sys.setenv, given[names(given) %in% own])
        watch(work, function(said) command("span/finish", said))
    }

    open <- NULL

    # Adds to the open span: output, tags ...
    annotate <- function(...) invisible(command("span/annotate", list(...)))

    # Evaluates the open span, or the one whose ids() are among `...`.
    evaluate <- function(label, value, ...)
        invisible(command("evaluate", list(label = label, value = value, ...)))

    # The hook of `llmobs-run --inbound` uses the rest.
    list(request = request, span = span, annotate = annotate,
         evaluate = evaluate, ids = function() open, start = start, finish = finish,
         carry = carry, restore = set, error_of = failed,
         count_failure = function() command("hook/failed", list()))
})
