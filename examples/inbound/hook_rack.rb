# hook_rack.rb - the part of hook.rb that a program with Rack::Builder loads.
unless defined?(Llmobs.follow)
  verbose, $VERBOSE = $VERBOSE, nil # the program may have an older copy
  begin
    require_relative "llmobs"
  ensure
    $VERBOSE = verbose
  end
end

module LlmobsHook
  ENTRY = { "" => nil, "0" => nil, "1" => "chat-proxy-entrypoint" }
          .fetch(ENV["LLMOBS_ENTRY"].to_s) { |name| name }
  CONTENT = ENTRY && ENV["LLMOBS_ENTRY_CONTENT"] == "1"
  TURNS = Fiber.respond_to?(:scheduler)
  CARRIED = %w[TRACEPARENT TRACESTATE BAGGAGE REMOTE_ADDR].freeze

  # The request that a thread serves, from its begin to the end of its answer. Most
  # ask no model and answer with a list; nobody else has them then, and the
  # thread's next request is the same object: few calls, and nothing to free.
  class Request
    attr_reader :told

    def initialize
      @running = @told = false
      @env = @variables = nil
    end

    def serve(app, env)
      return app.call(env) if @running # a part of it has an entrance, too
      return LlmobsHook.make.serve(app, env) if @env # its answer goes on
      @env = env
      @running = true
      tell if ENTRY
      begin
        answer = app.call(env)
        came = true
      ensure
        @running = false
        LlmobsHook.end(self, nil, $!) unless came
      end
      if !@told && answer.instance_of?(Array) && answer[2].instance_of?(Array)
        @env = @variables = nil
        return answer
      end
      LlmobsHook.follow(self, answer)
    end

    # Once, and before any transfer of the request.
    def tell
      return if @told || !@env || LlmobsHook.turns?
      @told = true
      LlmobsHook.quietly do
        Llmobs.start_request(@env, entry: ENTRY, input: input)
      end
    end

    def finish(said, error)
      return unless @told
      LlmobsHook.quietly do
        Llmobs.finish_request(ENTRY, output: said, error: error)
      end
    end

    # The variables of a program that the request starts.
    def variables
      return {} if !@env || LlmobsHook.turns?
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
      names = Llmobs::NAMES.map { |n| "HTTP_#{n.upcase.tr('-', '_')}" }
      return {} if names.first(8).none? { |n| @env[n] }
      (names + CARRIED).to_h { |n| [n, nil] }
                       .merge(@env.slice(*names, "REMOTE_ADDR"))
    end
  end

  # The application, as its server has it.
  class Entrance < Llmobs::Double
    def call(env)
      request = Thread.current.instance_variable_get(:@llmobs_request)
      (request || LlmobsHook.make).serve(@other, env)
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
    # The thread's next request.
    def make
      Thread.current.instance_variable_set(:@llmobs_request, Request.new)
    end

    # Whether requests take turns on the thread: then nobody knows whose one is.
    def turns?
      TURNS && Fiber.scheduler
    end

    def follow(request, answer)
      return answer if !request.told && turns?
      followed = LlmobsHook.quietly do
        Llmobs.follow(answer, CONTENT) do |said, error|
          self.end(request, said, error)
        end
      end
      followed || answer
    end

    def end(request, said, error)
      thread = Thread.current
      if thread.instance_variable_get(:@llmobs_request).equal?(request)
        thread.instance_variable_set(:@llmobs_request, nil)
      end
      request.finish(said, error)
    end

    def with_variables(words)
      request = Thread.current.instance_variable_get(:@llmobs_request)
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
