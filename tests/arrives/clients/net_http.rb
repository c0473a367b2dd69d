require "json"
require "net/http"

uri = URI(ENV["MODEL"] + "/v1/chat/completions")
answer = Net::HTTP.post(uri, JSON.dump(
  "model" => "gpt-4o-mini",
  "messages" => [{ "role" => "user", "content" => "Hello?" }]
), "Content-Type" => "application/json", "Authorization" => "Bearer sk-test")
puts JSON.parse(answer.body)["choices"][0]["message"]["content"]
