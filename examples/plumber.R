# plumber.R - a gateway of plumber: each request is a span in its caller's trace,
# and its call of a model is below that.
#
#     UPSTREAM=https://api.openai.com/v1 \
#         llmobs-run --service chat-proxy Rscript -e \
#         'plumber::pr_run(plumber::pr("plumber.R"), port = 8080, docs = FALSE)'
# `llmobs-run --inbound` does the same without the lines of llmobs.R, where
# LLMOBS_ENTRY=1 and LLMOBS_ENTRY_CONTENT=1 make the span and its texts.
source("/usr/local/share/llmobs/inbound/llmobs.R")

ask <- function(body, key) {
    handle <- curl::new_handle(copypostfields = body)
    curl::handle_setheaders(handle, "Content-Type" = "application/json",
                            Authorization = key)
    url <- paste0(Sys.getenv("UPSTREAM"), "/chat/completions")
    curl::curl_fetch_memory(url, handle)
}

#* @post /v1/chat/completions
function(req, res) {
    llmobs$request(req, {
        answer <- ask(req$postBody, paste0(req$HTTP_AUTHORIZATION, ""))
        res$status <- answer$status_code
        res$setHeader("Content-Type", "application/json")
        res$body <- rawToChar(answer$content)
    }, entry = TRUE, input = req$postBody)
    res
}
