# usage: ruby typhoeus.rb INTERFACE URL (MODE FILE)...      multi: a Hydra
require "typhoeus"

interface, url, *rest = ARGV
failed = 0
rest.each_slice(2) do |mode, file|
  options = { method: :post, body: File.read(file),
              headers: { "Content-Type" => "application/json" } }
  options[:timeout_ms] = 600 if mode == "timeout"
  request = Typhoeus::Request.new(url, options)
  if interface == "multi"
    hydra = Typhoeus::Hydra.new
    hydra.queue(request)
    hydra.run
  else
    request.run
  end
  answer = request.response
  puts "#{mode} #{answer.return_code} #{answer.code} #{answer.body}"
  failed += 1 if answer.return_code != :ok
end
exit failed
