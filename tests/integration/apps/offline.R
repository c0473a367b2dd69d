# The test of a program that asks a model; offline.c says more.
library(curl)
ask <- function(body) {
  h <- new_handle(postfields = body)
  handle_setheaders(h, "Content-Type" = "application/json",
                    "Authorization" = "Bearer sk-Zq7fUnspeakable9Xw2")
  url <- paste0(Sys.getenv("OPENAI_BASE_URL"), "/chat/completions")
  answer <- curl_fetch_memory(url, handle = h)
  cat(rawToChar(answer$content), "\n", answer$status_code, "\n")
}
say <- function(text, rest = "") sprintf(
  '{"model":"m","messages":[{"role":"user","content":"%s"}]%s}', text, rest)
ask(say("R"))
ask(say("a stream for R", ',"stream":true'))
ask(sub('"m"', '"error-429"', say("R")))
