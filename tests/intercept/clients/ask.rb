# usage: ask.rb URL FILE|- [BODY]
require 'net/http'
url = URI(ARGV[0])
http = Net::HTTP.new(url.host, url.port)
http.use_ssl = true
http.ca_file = ARGV[1] unless ARGV[1] == '-'
r = ARGV[2] ? http.post(url.path, File.read(ARGV[2]), 'Content-Type' => 'application/json') : http.get(url.path)
puts r.code, r.body
