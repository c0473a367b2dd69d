# hook_rack.rb - the part of hook.rb that a program with Rack::Builder loads.
module LlmobsHook
  ENTRY = { "" => nil, "0" => nil, "1" => "chat-proxy-entrypoint" }
          .fetch(ENV["LLMOBS_ENTRY"].to_s) { |name| name }
  CONTENT = ENTRY && ENV["LLMOBS_ENTRY_CONTENT"] == "1"
  TURNS = Fiber.respond_to?(:scheduler)
  CARRIED = %w[TRACEPARENT TRACESTATE BAGGAGE REMOTE_ADDR].freeze

  # A request, from its begin to the end of its answer.
  class Request
    attr_accessor :running

    def initialize(env)
      @env = env
      @told = false
      @running = true
      tell if ENTRY
    end

    # Once, and before any transfer of the request.
    def tell
      return if @told
      @told = true
      LlmobsHook.quietly do
        LlmobsHook.library.start_request(@env, entry: ENTRY, input: input)
      end
    end

    def finish(status, output, error)
      return unless @told
      if error.nil? && status.to_i >= 500
        error = ["http_#{status}", "answered with status #{status}"]
      end
      LlmobsHook.quietly do
        LlmobsHook.library.finish_request(ENTRY, output: output, error: error)
      end
    end

    # A place for what is answered; nil where nobody asks for it.
    def output
      CONTENT ? +"" : nil
    end

    # The variables of a program that the request starts.
    def variables
      @variables ||= LlmobsHook.quietly { make_variables } || {}
    end

    private

    # An input that cannot be read twice is the application's.
    def input
      stream = @env["rack.input"]
      return nil unless CONTENT && stream.respond_to?(:rewind)
      said = stream.read(Llmobs::MOST)
      stream.rewind
      said
    end

    def make_variables
      names = LlmobsHook.library::NAMES.map { |n| "HTTP_#{n.upcase.tr('-', '_')}" }
      return {} if names.first(8).none? { |n| @env[n] }
      (names + CARRIED).to_h { |n| [n, nil] }
                       .merge(@env.slice(*names, "REMOTE_ADDR"))
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

  # The application, as its server has it.
  class Entrance < Double
    def call(env)
      request = LlmobsHook.begin(env) or return @other.call(env)
      begin
        answer = @other.call(env)
        came = true
      ensure
        request.running = false
        LlmobsHook.end(request, nil, nil, $!) unless came
      end
      LlmobsHook.follow(request, answer)
    end
  end

  # An answer that comes piece by piece, or writes itself; the request ends with
  # it.
  class Answer < Double
    def initialize(body, request, status)
      super(body)
      @request = request
      @status = status
      @output = request.output
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
      request, @request = @request, nil
      LlmobsHook.end(request, @status, @output, error) if request
    end
  end

  class Pieces < Answer
    def each
      @other.each do |piece|
        LlmobsHook.keep(@output, piece)
        yield piece
      end
    end
  end

  # The programs that a request starts belong to it.
  module Children
    private

    def spawn(*words)
      super(*LlmobsHook.with_variables(words))
    end

    def system(*words)
      super(*LlmobsHook.with_variables(words))
    end

    def `(words)
      given = LlmobsHook.with_variables([words])
      return super if given.length == 1
      IO.popen(*given, &:read)
    end
    ruby2_keywords(:spawn, :system) if respond_to?(:ruby2_keywords, true)
  end

  module Openers
    def popen(*words)
      super(*LlmobsHook.with_variables(words))
    end
    ruby2_keywords(:popen) if respond_to?(:ruby2_keywords, true)
  end

  module Starters
    def spawn(*words)
      super(*LlmobsHook.with_variables(words))
    end
    ruby2_keywords(:spawn) if respond_to?(:ruby2_keywords, true)
  end

  class << self
    def library
      require_relative "llmobs" unless defined?(::Llmobs.start_request)
      ::Llmobs
    end

    # Gives nothing for a part of a request that has begun, and where requests
    # take turns on the thread.
    def begin(env)
      thread = Thread.current
      before = thread.thread_variable_get(:llmobs_request)
      return if before&.running || (TURNS && Fiber.scheduler)
      request = Request.new(env)
      thread.thread_variable_set(:llmobs_request, request)
      request
    end

    # A list of texts is whole, and stays what it is.
    def follow(request, answer)
      status, _, body = answer
      return finished(request, status, body, answer) if body.instance_of?(Array)
      if answer.instance_of?(Array)
        kind = body.respond_to?(:each) ? Pieces : Answer
        return [*answer.take(2), kind.new(body, request, status)]
      end
      finished(request, status, nil, answer)
    end

    def finished(request, status, body, answer)
      output = request.output
      body.each { |piece| keep(output, piece) } if output && body
      self.end(request, status, output, nil)
      answer
    end

    def keep(output, piece)
      room = output ? Llmobs::MOST - output.bytesize : 0
      output << piece.byteslice(0, room) if room.positive?
    end

    def end(request, status, output, error)
      thread = Thread.current
      if thread.thread_variable_get(:llmobs_request).equal?(request)
        thread.thread_variable_set(:llmobs_request, nil)
      end
      request.finish(status, output, error)
    end

    def with_variables(words)
      request = Thread.current.thread_variable_get(:llmobs_request)
      more = request ? request.variables : {}
      return words if more.empty?
      own = words.first.is_a?(Hash)
      own ? [more.merge(words.first), *words.drop(1)] : [more, *words]
    end
  end

  Object.include(Children)
  IO.singleton_class.prepend(Openers)
  Process.singleton_class.prepend(Starters)
end
