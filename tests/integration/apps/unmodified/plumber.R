# A gateway of plumber that knows nothing of traces. UPSTREAM is a base URL.
url <- paste0(Sys.getenv("UPSTREAM"), "/chat/completions")

ask <- function(body) {
    handle <- curl::new_handle(copypostfields = body)
    curl::handle_setheaders(handle, "Content-Type" = "application/json")
    rawToChar(curl::curl_fetch_memory(url, handle)$content)
}

#* @post /ask
#* @serializer text
function(req) ask(req$postBody)

#* @post /pieces
#* @serializer text
function(req) ask(req$postBody)

#* @post /plain
#* @serializer text
function() "plain"

#* @post /die
function() stop("told to die")
