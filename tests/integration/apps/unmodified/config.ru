# A gateway, a Rack application that knows nothing of traces. UPSTREAM is a base
# URL; BINDING is typhoeus or curb.
require ENV["BINDING"]

module Gateway
  URL = "#{ENV['UPSTREAM']}/chat/completions".freeze
  TYPE = { "Content-Type" => "application/json" }.freeze
  CURL = ["curl", "-q", "-sS", "-H", "Content-Type:application/json",
          "--data-binary", "@-", URL].freeze

  def self.ask(body)
    return Typhoeus.post(URL, body: body, headers: TYPE).body unless
      ENV["BINDING"] == "curb"
    curl = Curl::Easy.new(URL)
    curl.headers = TYPE
    curl.http_post(body)
    curl.body_str
  end

  def self.child(body)
    IO.popen(CURL, "r+") do |curl|
      curl.write(body)
      curl.close_write
      curl.read
    end
  end

  # An answer whose second piece is asked for as it is sent.
  Pieces = Struct.new(:body) do
    def each
      yield "first "
      yield Gateway.ask(body)
    end
  end

  def self.call(env)
    body = env["rack.input"].read
    # No header is such.
    env["HTTP_TRACEPARENT"] = BasicObject.new if env["PATH_INFO"] == "/odd"
    case env["PATH_INFO"]
    when "/plain" then [200, {}, ["plain"]]
    when "/die" then raise "told to die"
    when "/child" then [200, {}, [child(body)]]
    when "/shell" then [200, {}, [`echo '#{body}' | #{CURL.join(" ")}`]]
    when "/pieces" then [200, {}, Pieces.new(body)]
    else [200, TYPE.dup, [ask(body)]]
    end
  end
end

run Gateway
