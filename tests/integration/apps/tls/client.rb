# Calls by Ruby's Net::HTTP, on one connection. usage: client.rb URL CA COUNT
require 'net/http'
require 'json'
url, ca, count = ARGV
to = URI(url)
Net::HTTP.start(to.hostname, to.port, use_ssl: true, ca_file: ca) do |http|
  count.to_i.times do |i|
    ask = Net::HTTP::Post.new(to.path, 'Content-Type' => 'application/json',
                              'Authorization' => 'Bearer sk-SECRETKEY')
    body = { model: 'gpt-test', messages: [{ role: 'user', content: 'hello there' }] }
    body.update(stream: true, stream_options: { include_usage: true }) if i.odd?
    ask.body = JSON.dump(body)
    answer = http.request(ask)
    puts "#{answer.code} #{answer.body.bytesize} #{answer.body.sum}"
  end
end
