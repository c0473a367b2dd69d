# usage: ruby curb.rb INTERFACE URL (MODE FILE)...
require "curb"

def ask(interface, url, mode, file)
  answer = +""
  result = 0
  curl = Curl::Easy.new(url)
  curl.headers["Content-Type"] = "application/json"
  curl.post_body = File.read(file)
  curl.timeout_ms = 600 if mode == "timeout"
  curl.on_body { |data| mode == "abort" ? 0 : answer.<<(data) && data.bytesize }
  curl.on_failure { |_, error| result = error.last }
  begin
    if interface == "multi"
      multi = Curl::Multi.new
      multi.add(curl)
      multi.perform
    else
      curl.perform
    end
  rescue Curl::Err::CurlError => e
    result = e.class
  end
  puts "#{mode} #{result} #{curl.response_code} #{answer}"
  result == 0
end

interface, url, *rest = ARGV
exit(rest.each_slice(2).count { |pair| !ask(interface, url, *pair) })
