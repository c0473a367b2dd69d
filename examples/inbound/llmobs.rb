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
# and the answer's, a MiB of each. Further spans nest (LANGUAGES.md):
#
#     docs = Llmobs.span("retrieval", "search", input: q) { search(q) }
#
# Where Ruby lacks fiddle, it goes by these three libraries, and needs
# LLMOBS_COMMANDS=1. Where nothing is preloaded, it does nothing.
#
# The hooks of `llmobs-run --inbound` use this file, too; it needs none of them.
module Llmobs
  NAMES = %w[traceparent tracestate baggage x-datadog-trace-id
             x-datadog-parent-id x-datadog-tags x-datadog-sampling-priority
             x-datadog-origin x-forwarded-for forwarded x-real-ip
             x-forwarded forwarded-for x-client-ip x-cluster-client-ip
             true-client-ip cf-connecting-ip cf-connecting-ipv6
             fastly-client-ip fly-client-ip via x-envoy-external-address
             x-azure-clientip x-azure-socketip cloudfront-viewer-address
             x-appengine-user-ip x-original-forwarded-for
             x-vercel-forwarded-for].freeze
  MOST = 1 << 20

  class << self
    def request(env, entry: nil, input: nil)
      start_request(env, entry: entry, input: input)
      result = yield
    rescue Exception => e # is raised again
      raise
    ensure # also where the block is left by throw, break or return
      finish_request(entry, output: result, error: e)
    end

    # The block's result is the output if it can be JSON. `more`: session_id:,
    # tags: {...}, metadata:, metrics:, model_name: ...
    def span(kind, name, input: nil, **more)
      start(kind, name, input: input, **more)
      result = yield
    rescue Exception => e
      raise
    ensure
      finish(output: result, error: e)
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

    def start(kind, name, input: nil, **more)
      said = command("span/start", { **more, **says(kind, name, input) })
      given = said.to_s.lines(chomp: true).to_h { |line| line.split("=", 2) }
      spans << [said, given, Thread.current == Thread.main ? carry(given) : {}]
    end

    # Ends the span that this thread started last. `error`: an exception, or
    # type and message.
    def finish(output: nil, error: nil)
      said, _, before = spans.pop
      ENV.update(before) if before
      command("span/finish", ended(output, error)) unless said == ""
    end

    # Adds to the span that this thread started last: output:, tags: ...
    def annotate(**what)
      command("span/annotate", what)
    end

    # Evaluates the open span, or the one whose ids are in `more`.
    def evaluate(label, value, **more)
      command("evaluate", { label: label, value: value, **more })
    end

    # The open span's, for an evaluation later.
    def ids
      (spans.last || [nil, {}])[1].slice("span_id", "trace_id")
                                  .transform_keys(&:to_sym)
    end

    # Gives the answer as its server is to have it; the block learns its end,
    # with text and error. A list of texts is whole, and stays what it is.
    def follow(answer, keeps, &at_end)
      status, _, body = answer
      said = keeps ? +"" : nil
      error = failure(status)
      if answer.instance_of?(Array) && !body.instance_of?(Array)
        made = body.respond_to?(:each) ? Pieces.new(body, said, error, &at_end)
                                       : Answer.new(body, nil, error, &at_end)
        return [*answer.take(2), made]
      end
      body.each { |piece| keep(said, piece) } if body.instance_of?(Array)
      at_end.call(said, error)
      answer
    end

    # Keeps of the pieces what has room.
    def keep(said, piece)
      return unless said && piece.is_a?(String)
      room = MOST - said.bytesize
      said << piece.byteslice(0, room) if room.positive?
    end

    # Tells that a hook failed.
    def failed
      command("hook/failed", {})
    end

    private

    def failure(status)
      return unless status.to_i >= 500
      ["http_#{status}", "answered with status #{status}"]
    end

    def says(kind, name, input)
      { kind: kind, name: name, input: input }.compact
    end

    def ended(output, error)
      if error.is_a?(Exception)
        error = [error.class.to_s, plain(error.message.to_s)[/\A.*/]]
      end
      type, message = error
      { output: plain(output),
        error: type && { type: type, message: message } }.compact
    end

    def spans
      Thread.current[:llmobs_spans] ||= []
    end

    # For programs that the main thread starts. Gives the values before.
    def carry(given)
      mine = given.slice("TRACEPARENT", "TRACESTATE", "BAGGAGE")
      before = mine.to_h { |name, _| [name, ENV[name]] }
      ENV.update(mine)
      before
    end

    def text(value)
      value.is_a?(String) ? plain(value) : nil
    end

    # Keeps the types of JSON; puts nil in the place of anything else.
    def plain(value, depth = 0)
      case value
      when String then value.dup.force_encoding("UTF-8").scrub
      when Symbol then plain(value.to_s)
      when Integer, true, false then value
      when Float then value.finite? ? value : nil
      when Array then value.map { |v| plain(v, depth + 1) } if depth < 16
      when Hash
        value.to_h { |k, v| [plain(k.to_s), plain(v, depth + 1)] } if depth < 16
      end
    end

    # Gives "" where it did nothing, nil where that is not known: by libcurl no
    # transfer takes place, and it answers that it knows no such protocol, with
    # the library or without.
    def command(name, what)
      url, body = "llmobs://#{name}", json.generate(plain(what))
      return call("#{name} #{body}") if function
      if defined?(Ethon::Easy)
        Ethon::Easy.new(
          url: url, postfieldsize: body.bytesize, copypostfields: body,
          headers: { "Content-Type" => "application/vnd.llmobs" }
        ).perform
      elsif defined?(Curl::Easy)
        post_by_curb(url, body)
      else
        return ""
      end
      nil
    end

    # A module that another thread is loading has some of its parts already:
    # `require` waits for the rest.
    def json
      @json ||= begin
        require "json"
        ::JSON
      end
    end

    def function
      return @function if defined?(@function)
      require "fiddle"
      @function = Fiddle::Function.new(
        Fiddle::Handle::DEFAULT["llmobs_command"], [Fiddle::TYPE_VOIDP],
        Fiddle::TYPE_VOID, need_gvl: true
      )
    rescue LoadError, StandardError
      @function = nil
    end

    def call(text)
      at = [text].pack("p")
      function.call(at)
      Fiddle::Pointer.new(at.unpack1("J")).to_s
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
      Llmobs.follow(@app.call(env), @content) do |said, error|
        Llmobs.finish_request(@entry, output: said, error: error)
      end
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

  # It is what the other is, to all who ask.
  class Double
    def initialize(other)
      @other = other
    end

    def method_missing(name, *given, &block)
      @other.public_send(name, *given, &block)
    end
    ruby2_keywords :method_missing if respond_to?(:ruby2_keywords, true)

    def respond_to_missing?(name, all = false)
      @other.respond_to?(name, all)
    end
  end

  # An answer that writes itself to the connection, of which nothing is kept; the
  # request ends with it.
  class Answer < Double
    def initialize(body, said, error, &at_end)
      super(body)
      @said = said
      @error = error
      @at_end = at_end
    end

    def call(stream)
      @other.call(stream)
    rescue Exception => e # is raised again
      finish(e)
      raise
    else
      finish
    end

    def close
      @other.close if @other.respond_to?(:close)
    ensure
      finish
    end

    def respond_to?(name, all = false)
      name == :call ? @other.respond_to?(:call) : super
    end

    private

    def finish(error = nil)
      at_end, @at_end = @at_end, nil
      at_end&.call(@said, error || @error)
    end
  end

  # An answer that comes piece by piece.
  class Pieces < Answer
    def each
      @other.each do |piece|
        Llmobs.keep(@said, piece)
        yield piece
      end
    end
  end
end
