# hook.rb - what `llmobs-run --inbound` has each Ruby load as it starts (RUBYOPT).
# A Rack application that Rack::Builder builds (config.ru, Rails, Sinatra) then
# serves each request in the trace, and under the ml_app, that the request's
# headers name, without a line in it. LLMOBS_ENTRY and LLMOBS_ENTRY_CONTENT: see
# llmobs.php.
#
# Nothing is loaded, and nothing is on a stack, before a class of these names is
# defined. A request that calls no model costs a variable of its thread: the
# library is told of the request just before the first call by Ethon or Curb.
# Where a scheduler has several requests on one thread, nothing is done.
module LlmobsHook
  # A program's mistake and the end of a thread are none of the hook's.
  def self.quietly
    yield
  rescue StandardError, ScriptError
    failed
    nil
  end

  # The library counts it, where the program has the means to tell it.
  def self.failed
    ::Llmobs.failed if defined?(::Llmobs.failed)
  rescue StandardError, ScriptError
    nil
  end

  module Watch
    def inherited(made)
      super
      name = LlmobsHook.quietly { made.name }
      add = PATCHES[name] and LlmobsHook.quietly { made.prepend(add) }
    end
  end

  module Builder
    def to_app
      app = super
      LlmobsHook.quietly { LlmobsHook.wrap(app) } || app
    end
  end

  # Before a transfer begins, and before a handle joins some that take turns.
  module Transfer
    def perform(*)
      LlmobsHook.tell
      super
    end

    def add(*)
      LlmobsHook.tell
      super
    end
  end

  # Of Ethon::Easy and the others; these have no `add`.
  module Call
    def perform(*)
      LlmobsHook.tell
      super
    end
  end

  PATCHES = { "Rack::Builder" => Builder, "Puma::Rack::Builder" => Builder,
              "Ethon::Easy" => Call, "Ethon::Multi" => Transfer,
              "Curl::Easy" => Call, "Curl::Multi" => Transfer }.freeze

  class << self
    def wrap(app)
      require_relative "hook_rack" unless defined?(Entrance)
      Entrance.new(app)
    end

    def tell
      request = Thread.current.instance_variable_get(:@llmobs_request)
      request&.tell
    end
  end
  Object.singleton_class.prepend(Watch)
end
