# client.rb BASE [CA]: three calls, the last with a body of 300 KB.
require 'net/http'
require 'json'
url = URI(ARGV[0] + '/v1/chat/completions')
Net::HTTP.start(url.host, url.port, use_ssl: url.scheme == 'https', ca_file: ARGV[1]) do |http|
  3.times do |i|
    body = { model: 'm', messages: [{ role: 'user', content: 'hi ' * (i == 2 ? 100000 : 1) }] }
    puts http.post(url.request_uri, body.to_json, 'Content-Type' => 'application/json').body
  end
end
