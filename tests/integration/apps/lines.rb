# Calls from all kinds of frames; before each, on its own line, Ruby's own
# backtrace. usage: lines.rb BINDING URL BODY; BINDING is curb or typhoeus
require "json"
BINDING_NAME, URL, BODY = ARGV
require BINDING_NAME
$stdout.sync = true

# A frame that evaluates says where, not what it evaluates.
def told
  frames = caller_locations(1).select { |f| f.path&.start_with?("/") }
  first = frames.find { |f| f.base_label != "eval" }
  name = first.base_label
  puts JSON.generate({ file: first.path, line: first.lineno,
                       code: name.start_with?("<") ? nil : name,
                       entry: frames.last.path })
end

HEADERS = { "Content-Type" => "application/json" }.freeze
if BINDING_NAME == "curb"
  def ask
    c = Curl::Easy.new(URL)
    c.headers = HEADERS
    c.post_body = BODY
    c
  end
else
  class Typhoeus::Request
    alias perform run
  end

  def ask
    Typhoeus::Request.new(URL, method: :post, body: BODY, headers: HEADERS)
  end
end

def plain(c)
  told; c.perform
end

class Client
  def initialize(c)
    @c = c
  end

  def ask
    told; @c.perform
  end

  def self.once(c)
    told; c.perform
  end

  def each
    yield 1
    told; @c.perform
    yield 2
  end

  def method_missing(*)
    told; @c.perform
  end

  def respond_to_missing?(*) = true
end

c = ask
told; c.perform
plain(c)
client = Client.new(c)
client.ask
Client.once(c)
client.anything
client.each { |_| nil }
enum = client.to_enum(:each)
2.times { enum.next } # in a fiber
->(x) { told; x.perform }.call(c)
[1, 2].each { |_| told; c.perform }
[2, 1].sort_by { |x| told; c.perform; x }
Client.define_method(:defined) { told; @c.perform }
client.defined
client.instance_eval { told; @c.perform }
told; eval("c.perform")
told; eval("\n\nc.perform", binding, "Ask about cats", 5)
eval("told; c.perform", binding, __FILE__, __LINE__)
begin
  raise "x"
rescue RuntimeError
  told; c.perform
  plain(c)
ensure
  told; c.perform
end
Thread.new { told; ask.perform }.join
trap("USR1") { BINDING_NAME == "curb" && (told; c.perform) } # no mutex there
Process.kill("USR1", Process.pid)
sleep 0.1
GC.compact if GC.respond_to?(:compact)
plain(c)
pid = fork { plain(ask) }
Process.wait(pid)
at_exit { plain(c) }
