/// The connection of this worker to its core.
#pragma once

#include <stockade.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "stockade/calls.hpp"
#include "stockade/channels.hpp"
#include "stockade/events.hpp"
#include "stockade/handling.hpp"
#include "stockade/owner.hpp"
#include "stockade/status.hpp"
#include "stockade/value.hpp"

namespace stockade {

struct ConnectOptions {
    /// Events that wait for `run` or `poll`; those above are counted in `missed`.
    std::size_t queue = 1024;
    /// How long to look for an answer before sleeping, 200us say: faster calls, at the cost of a CPU while they wait.
    std::chrono::microseconds spin{0};
    /// At the end of the lifeline the process exits by itself, with status 0, wherever it waits. If this is set,
    /// whatever waits throws Ended instead, and the program must end at once by itself.
    bool throw_when_stopped = false;
};

/// What the core takes.
struct Limits {
    std::uint64_t message;                              ///< bytes of a message, all frames together
    std::uint64_t event;                                ///< bytes of an emit's frame
    std::uint64_t batch;                                ///< messages of a batch
    std::uint64_t calls;                                ///< calls in flight
    std::uint64_t topics;                               ///< subscriptions
    std::uint64_t depth;                                ///< containers within each other
    std::uint64_t channels;                             ///< channels that this worker has opened
    std::uint64_t frames;                               ///< raw frames behind a batch
    std::optional<std::chrono::milliseconds> deadline;  ///< that a call has unless it says otherwise
    std::optional<double> rate;                         ///< calls per second
};

/// Patterns over whole segments (protocol, section 8): what matches one of `allow` and none of `deny`.
struct Grant {
    std::vector<std::string> allow;
    std::vector<std::string> deny;
};

/// What this worker may do.
struct Grants {
    Grant commands;
    Grant listen;
    Grant emit;
};

/// Counts of a connection until now; stockade.h says what each is.
using Statistics = stockade_statistics;

/// The connection of this worker to its core: one per process. It belongs to the thread that made it, and so does all
/// that comes from it. Destroying it takes leave.
///
/// Whatever waits may throw Ended, and every member Misuse: in another thread, after `close`, or for what is no name.
class Core {
  public:
    /// Returns when the core has welcomed this worker. Before anything reads standard input: it becomes /dev/null.
    explicit Core(const ConnectOptions& options = {}) {
        stockade_connect_options lent{};
        lent.queue = options.queue;
        lent.spin_us = options.spin.count();
        lent.returns_when_stopped = options.throw_when_stopped;
        lent.stub = "cpp/" STOCKADE_VERSION;
        detail::CError error;
        stockade_core* core = nullptr;
        detail::check(stockade_connect(&core, &lent, error.out()), error);
        core_.reset(core);
    }

    // -- who and what -------------------------------------------------------------------------------------------------

    /// This worker's label.
    [[nodiscard]] std::string worker() const { return stockade_worker(core()); }
    /// Which start of this worker it is, from 1.
    [[nodiscard]] std::uint64_t generation() const { return stockade_generation(core()); }
    [[nodiscard]] Limits limits() const {
        const stockade_limits& of = *stockade_limits_of(core());
        Limits limits{of.message, of.event, of.batch, of.calls, of.topics, of.depth, of.channels, of.frames, {}, {}};
        if (of.has_deadline) {
            limits.deadline = std::chrono::milliseconds(of.deadline);
        }
        if (of.has_rate) {
            limits.rate = of.rate;
        }
        return limits;
    }
    [[nodiscard]] Grants grants() const {
        const stockade_grants& of = *stockade_grants_of(core());
        return {grant_of(of.commands), grant_of(of.listen), grant_of(of.emit)};
    }
    /// Whether the grants allow it; a name to listen to may be a prefix, which ends in a slash.
    [[nodiscard]] bool may_call(const std::string& command) const {
        return stockade_may_call(core(), detail::name_of(command));
    }
    [[nodiscard]] bool may_listen(const std::string& name) const {
        return stockade_may_listen(core(), detail::name_of(name));
    }
    [[nodiscard]] bool may_emit(const std::string& event) const {
        return stockade_may_emit(core(), detail::name_of(event));
    }
    /// Whether the core asks this worker to finish. Looks at the sockets, so a long computation may ask now and then.
    [[nodiscard]] bool stopping() { return stockade_stopping(core()); }
    /// Events meant for this worker that no handler will see: the core had to drop them, or the queue was full.
    [[nodiscard]] std::uint64_t missed() const { return stockade_missed(core()); }
    [[nodiscard]] Statistics statistics() const { return stockade_statistics_of(core()); }

    // -- calls --------------------------------------------------------------------------------------------------------

    /// Run a command and wait for its result, as a T: `core.invoke<std::string>("notes.read", {{"name", "todo"}})`.
    ///
    /// Throws CommandError with the core's answer, or before anything is sent if that is known already (`not_allowed`,
    /// `too_large`), EncodeError for what cannot be sent, and ConversionError if the result is no T. Waits while the
    /// core is busy.
    template <class T = Value>
    T invoke(const std::string& command, const Arguments& arguments = {}, const Options& options = {}) {
        detail::CError error;
        detail::Owned result;
        detail::check(invoked(command, arguments, options, result, error), error);
        return detail::result_of<T>(result);
    }

    /// The same, but that a CommandError is returned: where refusals are usual.
    template <class T = Value>
    [[nodiscard]] Outcome<T> try_invoke(const std::string& command, const Arguments& arguments = {},
                                        const Options& options = {}) {
        detail::CError error;
        detail::Owned result;
        const stockade_status status = invoked(command, arguments, options, result, error);
        return detail::outcome_of<T>(status, result, error);
    }

    /// Begin a command, and go on: `result` of what is returned waits. Calls are sent together, when many have gathered
    /// or something waits. Throws as `invoke` does before sending.
    template <class T = Value>
    [[nodiscard]] Call<T> call(const std::string& command, const Arguments& arguments = {},
                               const Options& options = {}) {
        const Arguments::List list(arguments);
        const stockade_options lent = options.lend();
        detail::CError error;
        stockade_pending* pending = nullptr;
        detail::check(stockade_call(core(), detail::name_of(command), list.get(), &lent, &pending, error.out()), error);
        return Call<T>(pending);
    }

    /// Run a command that yields, and receive what it does: `for (const Note& note : core.stream<Note>("notes.all"))`.
    /// Leaving the loop closes the command.
    template <class T = Value>
    [[nodiscard]] ReceiveChannel<T> stream(const std::string& command, const Arguments& arguments = {},
                                           const Options& options = {}) {
        const Arguments::List list(arguments);
        const stockade_options lent = options.lend();
        detail::CError error;
        stockade_receiver* stream = nullptr;
        detail::check(stockade_stream(core(), detail::name_of(command), list.get(), &lent, &stream, error.out()),
                      error);
        return ReceiveChannel<T>(stream, false);
    }

    /// An end to send on, to be passed to a call as an argument that the command receives from.
    [[nodiscard]] SendChannel send_channel() {
        detail::CError error;
        stockade_sender* sender = nullptr;
        detail::check(stockade_send_channel(core(), &sender, error.out()), error);
        return {sender, false};
    }
    /// An end to receive from, to be passed to a call as an argument that the command sends on. `credit`: items that
    /// the command may be ahead.
    template <class T = Value>
    [[nodiscard]] ReceiveChannel<T> receive_channel(std::uint64_t credit = 64) {
        detail::CError error;
        stockade_receiver* receiver = nullptr;
        detail::check(stockade_receive_channel(core(), credit, &receiver, error.out()), error);
        return ReceiveChannel<T>(receiver, false);
    }

    /// Ask whether the core is there. How long its answer took.
    std::chrono::nanoseconds ping() {
        detail::CError error;
        std::int64_t taken = 0;
        detail::check(stockade_ping(core(), &taken, error.out()), error);
        return std::chrono::nanoseconds(taken);
    }

    // -- events -------------------------------------------------------------------------------------------------------

    /// Call `handler` for each event of this name, or, if it ends in a slash, of a name that begins so. Returns when
    /// the core has answered: from then on nothing is missed uncounted. Handlers run inside `run` and `poll` alone;
    /// what one throws comes out there. Throws CommandError (`not_allowed`, `busy`).
    Subscription listen(const std::string& name, std::function<void(const Event&)> handler) {
        return listened(&stockade_listen, name, std::move(handler));
    }
    /// `listen`, to one event.
    Subscription once(const std::string& name, std::function<void(const Event&)> handler) {
        return listened(&stockade_once, name, std::move(handler));
    }

    /// Emit an event, to all who listen, or to the worker `to` alone. Waits only if the core does not read. It has no
    /// answer: who needs to know invokes a command. Throws CommandError (`not_allowed`, `too_large`) and EncodeError.
    void emit(const std::string& event, const Value& payload = {}, const std::optional<std::string>& to = {},
              const std::optional<std::string>& trace = {}) {
        emit(event, detail::Lent(payload).get(), to, trace);
    }
    /// The same for bytes, which are not copied into a Value.
    void emit(const std::string& event, BytesView payload, const std::optional<std::string>& to = {},
              const std::optional<std::string>& trace = {}) {
        emit(event, detail::lend_bytes(payload), to, trace);
    }

    // -- answering ----------------------------------------------------------------------------------------------------

    /// Answer a command, before `ready` and `run`: handling.hpp says what a handler may be.
    ///
    ///     core.export_command("thumbs.make", {"name", "size"}, [](const std::string& name, int size) { ... });
    template <std::size_t Count, class Handler>
    void export_command(const std::string& command, const char* const (&names)[Count], Handler&& handler,
                        const ExportOptions& options = {}) {
        using Exported = detail::Exported<detail::Signature<Handler>>;
        static_assert(Exported::names_wanted == Count, "one name for each parameter but Handling& and Yield&");
        auto exported = std::make_unique<Exported>(Exported{std::forward<Handler>(handler), {}, &state_->carried});
        std::copy(names, names + Count, exported->names.begin());
        export_one(command, std::move(exported), options);
    }
    /// The same for a handler that has no arguments, or asks its Handling& for them.
    template <class Handler, class = std::enable_if_t<!std::is_array_v<std::remove_reference_t<Handler>>>>
    void export_command(const std::string& command, Handler&& handler, const ExportOptions& options = {}) {
        using Exported = detail::Exported<detail::Signature<Handler>>;
        static_assert(Exported::names_wanted == 0,
                      R"(say the names of its arguments: export_command("a.b", {"name"}, ...))");
        export_one(command, std::make_unique<Exported>(Exported{std::forward<Handler>(handler), {}, &state_->carried}),
                   options);
    }

    // -- living -------------------------------------------------------------------------------------------------------

    /// Say that this worker has set up what it needs, and what it answers. Once; `run` does it if nobody has.
    void ready() {
        detail::CError error;
        detail::check(stockade_ready(core(), error.out()), error);
    }
    /// Handle events and calls until the core asks this worker to stop; what still waits then is not handled. Throws
    /// what the handler of an event throws.
    void run() {
        detail::CError error;
        const stockade_status status = stockade_run(core(), error.out());
        state_->carried.release();
        detail::check(status, error);
    }
    /// Handle the events and calls that are there, wait up to `timeout` for the first, and return their number: maybe
    /// none, as when the core asks this worker to stop. Throws as `run` does.
    template <class Rep, class Period>
    std::size_t poll(std::chrono::duration<Rep, Period> timeout) {
        return poll_for(timeout.count() <= 0 ? 0 : detail::milliseconds_of(timeout));
    }
    /// The same, and wait for ever.
    std::size_t poll() { return poll_for(-1); }

    /// Take leave: the core handles all that was emitted, answers or cancels what is in flight, and only then the
    /// sockets close. Takes two seconds at most. Doing so again does nothing.
    void close() {
        detail::CError error;
        detail::check(stockade_close(core(), error.out()), error);
    }

  private:
    struct State {
        detail::Carried carried;
    };
    struct Listener {
        std::function<void(const Event&)> handler;
        detail::Carried* carried;

        static void destroy(void* user) { delete static_cast<Listener*>(user); }
        static stockade_status heard(const stockade_event* event, void* user) noexcept {
            const auto& self = *static_cast<Listener*>(user);
            try {
                self.handler({event->name, event->source, detail::value_of(event->payload), event->seq,
                              event->trace == nullptr ? std::nullopt : std::optional<std::string>(event->trace)});
                return STOCKADE_OK;
            } catch (...) {
                return self.carried->take();
            }
        }
    };
    using Listen = decltype(&stockade_listen);

    [[nodiscard]] stockade_core* core() const {
        if (core_ == nullptr) {
            throw Misuse("this core was moved from");
        }
        return core_.get();
    }

    [[nodiscard]] static Grant grant_of(const stockade_grant& grant) {
        return {{grant.allow, grant.allow + grant.allow_count}, {grant.deny, grant.deny + grant.deny_count}};
    }

    [[nodiscard]] stockade_status invoked(const std::string& command, const Arguments& arguments,
                                          const Options& options, detail::Owned& result, detail::CError& error) {
        const Arguments::List list(arguments);
        const stockade_options lent = options.lend();
        return stockade_invoke(core(), detail::name_of(command), list.get(), &lent, result.out(), error.out());
    }

    [[nodiscard]] Subscription listened(Listen begin, const std::string& name,
                                        std::function<void(const Event&)> handler) {
        const char* lent = detail::name_of(name);
        auto listener = std::make_unique<Listener>(Listener{std::move(handler), &state_->carried});
        detail::CError error;
        stockade_subscription* subscription = nullptr;
        // It is taken, and given back to `destroy`, whatever comes of it.
        const stockade_status status =
            begin(core(), lent, &Listener::heard, listener.release(), &Listener::destroy, &subscription, error.out());
        detail::check(status, error);
        return Subscription(subscription);
    }

    void emit(const std::string& event, stockade_value payload, const std::optional<std::string>& to,
              const std::optional<std::string>& trace) {
        const stockade_emit_options lent{to ? detail::name_of(*to) : nullptr,
                                         trace ? detail::name_of(*trace) : nullptr};
        detail::CError error;
        detail::check(stockade_emit(core(), detail::name_of(event), payload, &lent, error.out()), error);
    }

    template <class Exported>
    void export_one(const std::string& command, std::unique_ptr<Exported> exported, const ExportOptions& options) {
        const stockade_export_options lent{options.concurrency, options.idempotent, Exported::streams, nullptr};
        const char* name = detail::name_of(command);
        detail::CError error;
        const stockade_status status = stockade_export(core(), name, &Exported::answer, exported.release(),
                                                       &Exported::destroy, &lent, error.out());
        detail::check(status, error);
    }

    std::size_t poll_for(std::int64_t timeout) {
        detail::CError error;
        std::size_t handled = 0;
        const stockade_status status = stockade_poll(core(), timeout, &handled, error.out());
        state_->carried.release();
        detail::check(status, error);
        return handled;
    }

    // On the heap, since handlers point to it and a Core may be moved; before the core, which destroys the handlers.
    std::unique_ptr<State> state_ = std::make_unique<State>();
    detail::Owner<stockade_core, &stockade_free> core_;
};

/// `Core(options)`, by the name that it has in every language.
[[nodiscard]] inline Core connect(const ConnectOptions& options = {}) {
    return Core(options);
}

/// A worker's main function: connects, calls `body` with the core, takes leave, and returns the exit status.
///
///     int main() {
///         return stockade::run_worker([](stockade::Core& core) { core.run(); });
///     }
///
/// It is 0 where the body returns (or what it returns, if that is an int), that of an Ended, and 1 for any other
/// exception, whose words go to standard error. (Why a conversation has ended is there already.)
template <class Body>
[[nodiscard]] int run_worker(Body&& body, const ConnectOptions& options = {}) {
    int status = 0;
    try {
        Core core(options);
        if constexpr (std::is_same_v<std::invoke_result_t<Body, Core&>, int>) {
            status = std::forward<Body>(body)(core);
        } else {
            std::forward<Body>(body)(core);
        }
        core.close();
        return status;
    } catch (const Ended& end) {
        return status != 0 ? status : end.status();  // a body that has seen the end itself has said what it comes to
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "stockade: this worker ends: %s\n", error.what());
        return 1;
    }
}

}  // namespace stockade
