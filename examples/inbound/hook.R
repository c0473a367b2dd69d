# hook.R - what `llmobs-run --inbound` has each R load as it starts (R_PROFILE),
# in place of the site's profile, which it then runs: the one that
# LLMOBS_R_PROFILE names, else R's own. Each request that httpuv serves, for
# plumber too, then belongs to the trace, and to the ml_app, that its headers
# name: hook_httpuv.R, which is loaded as httpuv, curl or RCurl is.
#
# An error in a profile ends R: the hook has none. It defines nothing where a
# program looks.
invisible(tryCatch(local({
    folder <- dirname(Sys.getenv("R_PROFILE"))
    hook <- NULL

    loaded <- function(package, ...) tryCatch(suppressWarnings({
        if (is.null(hook)) {
            hook <<- new.env(parent = baseenv())
            hook$folder <- folder
            sys.source(file.path(folder, "hook_httpuv.R"), hook)
        }
        hook$loaded(package)
    }), error = function(e) NULL)

    for (package in c("httpuv", "curl", "RCurl"))
        setHook(packageEvent(package, "onLoad"), loaded)
}, new.env(parent = baseenv())), error = function(e) NULL))

# The profile's expressions run as R itself runs them: one after the other, at
# the top level, with no function around them. To that end each is a promise, for
# which the loop at the end asks.
invisible(tryCatch(local({
    left <- expression()
    problem <- NULL
    home <- environment()

    # Reads up to the first error. R leaves out what has no end.
    read <- function(lines) tryCatch(
        left <<- parse(text = lines, keep.source = FALSE),
        error = function(e) {
            text <- sub("^<text>:", "", conditionMessage(e))
            if (!grepl("^[0-9]+:0: |INCOMPLETE_STRING", text)) problem <<- text
            read_some(lines)
        })

    read_some <- function(lines) for (count in rev(seq_along(lines))) {
        left <<- tryCatch(parse(text = lines[seq_len(count - 1L)],
                                keep.source = FALSE), error = function(e) NULL)
        if (!is.null(left)) break
    }

    # R does not run a last line without its end.
    lines_of <- function(path) {
        ended <- TRUE
        lines <- withCallingHandlers(readLines(path), warning = function(w) {
            ended <<- FALSE
            invokeRestart("muffleWarning")
        })
        lines[seq_len(length(lines) - !ended)]
    }

    find <- function() {
        path <- Sys.getenv("LLMOBS_R_PROFILE")
        if (nzchar(path)) return(path)
        own <- file.path(R.home(), "etc", c(.Platform$r_arch, ""),
                         "Rprofile.site")
        own[file.exists(own)][1L]
    }

    # Shows the value of the expression before. Whether there is another one.
    more <- function() {
        if (exists("one", home, inherits = FALSE) && one$visible)
            print(one$value)
        if (!length(left)) {
            setHook("llmobs.profile", NULL, "replace")
            if (!is.null(problem)) stop(problem, call. = FALSE)
            return(FALSE)
        }
        code <- as.call(list(as.name("withVisible"), left[[1L]]))
        code <- as.call(list(as.name(".Internal"), code))
        left <<- left[-1L]
        do.call(delayedAssign, list("one", code, globalenv(), home))
        TRUE
    }

    lines <- lines_of(find())
    read(lines)
    setHook("llmobs.profile", home, "replace")
}, new.env(parent = baseenv())), error = function(e) NULL))
while (length(getHook("llmobs.profile")) &&
       getHook("llmobs.profile")[[1L]]$more())
    getHook("llmobs.profile")[[1L]]$one
