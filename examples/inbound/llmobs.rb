# llmobs.rb - a Ruby server that asks language models, in one trace with its
# caller. For Rack:
#
#     require_relative "llmobs"
#     use Llmobs::Rack, entry: true, content: true
#
# and for any other server, with env as CGI has it ("HTTP_TRACEPARENT" ...):
#
#     Llmobs.request(env, entry: "my-gateway", input: body) { ... }
#
# The thread's calls through Typhoeus, Ethon or Curb in the block are part of
# the trace, and of the ml_app, that the request's headers name. `entry`: the
# request is a workflow span around them, of this name, or
# "chat-proxy-entrypoint" for true. `content`: that span has the request's body
# and the answer's, a MiB of each. Further spans nest:
#
#     docs = Llmobs.span("retrieval", "search", input: q) { search(q) }
#
# All of it needs LLMOBS_COMMANDS=1: servers have threads, and the environment
# is one for all of them. Where nothing is preloaded, it does nothing.
require "json"

module Llmobs
  NAMES = %w[traceparent tracestate baggage x-datadog-trace-id
             x-datadog-parent-id x-datadog-tags x-datadog-sampling-priority
             x-datadog-origin x-forwarded-for forwarded x-real-ip
             x-forwarded forwarded-for x-client-ip x-cluster-client-ip
             true-client-ip cf-connecting-ip cf-connecting-ipv6
             fastly-client-ip fly-client-ip].freeze
  MOST = 1 << 20

  class << self
    def request(env, entry: nil, input: nil)
      start_request(env, entry: entry, input: input)
      result = yield
      finish_request(entry, output: result)
      result
    rescue Exception => e # is raised again
      finish_request(entry, error: e)
      raise
    end

    def span(kind, name, input: nil)
      start(kind, name, input: input)
      result = yield
      finish(output: result)
      result
    rescue Exception => e
      finish(error: e)
      raise
    end

    def start_request(env, entry: nil, input: nil)
      headers = NAMES.to_h { |n| [n, text(env["HTTP_#{n.upcase.tr('-', '_')}"])] }
      headers[":remote-addr"] = env["REMOTE_ADDR"]
      name = entry == true ? "chat-proxy-entrypoint" : entry
      command("request/start", {
        headers: headers.compact, entry: entry ? says("workflow", name, input) : nil
      }.compact)
    end

    def finish_request(entry, output: nil, error: nil)
      command("request/finish",
              { entry: entry ? ended(output, error) : nil }.compact)
    end

    def start(kind, name, input: nil)
      command("span/start", says(kind, name, input))
    end

    # Ends the span that this thread started last. `error`: an exception, or
    # type and message.
    def finish(output: nil, error: nil)
      command("span/finish", ended(output, error))
    end

    # Tells that a hook failed.
    def failed
      command("hook/failed", {})
    end

    private

    def says(kind, name, input)
      { kind: kind, name: name, input: text(input) }.compact
    end

    def ended(output, error)
      error = [error.class.name, error.message[/\A.*/]] if error.is_a?(Exception)
      type, message = error
      { output: text(output),
        error: type && { type: type, message: message } }.compact
    end

    def text(value)
      value.is_a?(String) ? value.dup.force_encoding("UTF-8").scrub : nil
    end

    # No transfer takes place, and libcurl answers that it knows no such
    # protocol, with the library or without.
    def command(name, what)
      url, body = "llmobs://#{name}", JSON.generate(what)
      if defined?(Ethon::Easy)
        Ethon::Easy.new(
          url: url, postfieldsize: body.bytesize, copypostfields: body,
          headers: { "Content-Type" => "application/vnd.llmobs" }
        ).perform
      elsif defined?(Curl::Easy)
        post_by_curb(url, body)
      end
    end

    def post_by_curb(url, body)
      curl = Curl::Easy.new(url)
      curl.headers["Content-Type"] = "application/vnd.llmobs"
      curl.http_post(body)
    rescue Curl::Err::CurlError
      nil
    end
  end

  class Rack
    def initialize(app, entry: nil, content: false)
      @app = app
      @entry = entry
      @content = content
    end

    def call(env)
      Llmobs.start_request(env, entry: @entry,
                                input: @content ? body_of(env) : nil)
      status, headers, body = @app.call(env)
      if status.to_i >= 500
        error = ["http_#{status}", "answered with status #{status}"]
      end
      kind = body.respond_to?(:each) ? Body : Stream
      [status, headers, kind.new(body, @content) { |said, broke|
        Llmobs.finish_request(@entry, output: said, error: broke || error)
      }]
    rescue Exception => e
      Llmobs.finish_request(@entry, error: e)
      raise
    end

    private

    def body_of(env)
      input = env["rack.input"] or return nil
      said = input.read(MOST)
      input.rewind if input.respond_to?(:rewind)
      said
    end
  end

  # An answer that may come piece by piece; the request ends with it.
  class Body
    def initialize(body, keeps, &at_end)
      @body = body
      @said = keeps ? +"" : nil
      @at_end = at_end
    end

    def each
      @body.each do |piece|
        room = @said ? MOST - @said.bytesize : 0
        @said << piece.byteslice(0, room) if room.positive?
        yield piece
      end
    end

    def close
      @body.close if @body.respond_to?(:close)
    ensure
      @at_end&.call(@said)
      @at_end = nil
    end
  end

  # An answer that writes itself to the connection: what it writes is not kept.
  class Stream
    def initialize(body, _keeps, &at_end)
      @body = body
      @at_end = at_end
    end

    def call(stream)
      @body.call(stream)
    rescue Exception => e # is raised again
      finish(e)
      raise
    else
      finish
    end

    def close
      @body.close if @body.respond_to?(:close)
    ensure
      finish
    end

    private

    def finish(error = nil)
      @at_end&.call(nil, error)
      @at_end = nil
    end
  end
end
