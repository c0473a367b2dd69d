# usage: client.rb LIBRARY URL (MODE FILE)...      over Ruby's own TLS, or
# without it, on one connection
require 'net/http'
to = URI(ARGV[1])
failed = 0
http = Net::HTTP.new(to.hostname, to.port)
http.use_ssl = to.scheme == 'https'
http.ca_file = ENV['CA_FILE']
http.max_retries = 0
http.start
ARGV[2..].each_slice(2) do |mode, file|
  ask = Net::HTTP::Post.new(to.path, 'Content-Type' => 'application/json',
                            'Authorization' => 'Bearer sk-of-nobody')
  ask.body = File.read(file)
  http.read_timeout = mode == 'timeout' ? 0.6 : 20
  begin
    text = +''
    answer = http.request(ask) { |a| a.read_body { |part| text << part } }
    puts "#{mode} #{answer.code} #{text}"
    failed += 1 if answer.code != '200'
  rescue Net::ReadTimeout, EOFError, OpenSSL::SSL::SSLError
    puts "#{mode} late"
    failed += 1
  end
end
exit failed
