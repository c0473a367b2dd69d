# A gateway: WEBrick, a thread for each connection, in front of a Rack
# application. usage: ruby gateway.rb BINDING [ENTRY [CONTENT]]; BINDING is
# typhoeus or curb, UPSTREAM a base URL. Prints its port; ends with its standard
# input.
require "webrick"
require "stringio"
require ARGV[0]
require_relative "../../../examples/inbound/llmobs"

URL = "#{ENV['UPSTREAM']}/chat/completions".freeze

def ask(body)
  header = { "Content-Type" => "application/json" }
  if ARGV[0] == "curb"
    curl = Curl::Easy.new(URL)
    curl.headers = header
    curl.http_post(body)
    return curl.response_code, curl.body_str
  end
  answer = Typhoeus.post(URL, body: body, headers: header)
  [answer.code, answer.body]
end

APP = lambda do |env|
  raise "told to die" if env["PATH_INFO"] == "/die"
  asked = env["rack.input"].read
  case env["PATH_INFO"]
  when "/later" # Rack 3: it writes the answer itself
    return [200, {}, ->(stream) { stream.write(ask(asked)[1]) }]
  when "/broken"
    return [200, {}, ->(_stream) { raise "told to break" }]
  end
  status, answer = ask(asked)
  [status, {}, [answer]]
end
entry = ARGV[1] == "1" ? true : ARGV[1]
RACK = Llmobs::Rack.new(APP, entry: entry, content: ARGV[2] == "1")

class Servlet < WEBrick::HTTPServlet::AbstractServlet
  def do_POST(request, response)
    env = request.meta_vars.merge("PATH_INFO" => request.path,
                                  "rack.input" => StringIO.new(request.body))
    status, _, body = RACK.call(env)
    response.status = status
    response["X-Worker"] = Thread.current.object_id.to_s
    response.body = +""
    if body.respond_to?(:each)
      body.each { |piece| response.body << piece }
    else
      body.call(written = StringIO.new)
      response.body = written.string
    end
  ensure
    body.close if body.respond_to?(:close)
  end
end

quiet = WEBrick::Log.new(File::NULL)
server = WEBrick::HTTPServer.new(Port: 0, BindAddress: "127.0.0.1",
                                 Logger: quiet, AccessLog: [])
server.mount("/", Servlet)
puts server.config[:Port] == 0 ? server.listeners[0].addr[1] : server.config[:Port]
$stdout.flush
Thread.new { $stdin.read; server.shutdown }
server.start
