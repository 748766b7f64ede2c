/// Commands that this worker answers: what a handler is given, and how a C++ function becomes one.
///
/// A handler is called with the call's arguments by position, as the types that its parameters have; `export_command`
/// says their names. A parameter that is a std::optional may be missing. Beside them, anywhere, a handler may have
///
///     Handling&            who calls, how much time is left, whether anybody still waits
///     Yield&               makes the command a stream: what it is called with is the next item
///     SendChannel          a channel that the caller receives from
///     ReceiveChannel<T>    a channel that the caller sends on
///
/// What it returns is the result; a CommandError that it throws is the answer, too, and any other exception is answered
/// `failed`, with its words on this worker's standard error alone.
#pragma once

#include <stockade.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "stockade/channels.hpp"
#include "stockade/codec.hpp"
#include "stockade/command_error.hpp"
#include "stockade/convert.hpp"
#include "stockade/owner.hpp"
#include "stockade/status.hpp"
#include "stockade/value.hpp"

namespace stockade {

namespace detail {

template <class T>
inline constexpr bool is_receive_channel = false;
template <class T>
inline constexpr bool is_receive_channel<ReceiveChannel<T>> = true;

template <class Handler>
struct Exported;

/// That the caller got an argument wrong.
[[nodiscard]] inline CommandError bad_argument(const std::string& path, const std::string& reason) {
    return {code::invalid_args, path + ": " + reason, Map{{"path", path}}};
}

}  // namespace detail

/// The call that is being handled. It, and the channels that come with it, last until its handler returns. What the
/// handler calls belongs to it: it has no more time, and is cancelled with it.
class Handling {
  public:
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;
    ~Handling() = default;

    [[nodiscard]] std::string_view command() const noexcept { return stockade_handling_command(handling_); }
    /// The label of the worker that asks, or `core`.
    [[nodiscard]] std::string_view caller() const noexcept { return stockade_handling_caller(handling_); }
    /// The W3C traceparent that it came with.
    [[nodiscard]] std::optional<std::string> trace() const {
        const char* trace = stockade_handling_trace(handling_);
        return trace == nullptr ? std::nullopt : std::optional<std::string>(trace);
    }
    /// The time that is left, zero at the least; nothing: all there is.
    [[nodiscard]] std::optional<std::chrono::milliseconds> deadline() const noexcept {
        const std::int64_t left = stockade_handling_deadline(handling_);
        return left < 0 ? std::nullopt : std::optional<std::chrono::milliseconds>(left);
    }
    /// Whether nobody waits for it any more: its time is over, or its caller has gone. Looks at the sockets.
    [[nodiscard]] bool cancelled() { return stockade_handling_cancelled(handling_); }
    /// Throws CommandError, to be let pass, if nobody waits for it any more: ask it in long computations.
    void check() {
        detail::CError error;
        detail::check(stockade_handling_check(handling_, error.out()), error);
    }

    /// All arguments but channels.
    [[nodiscard]] Map arguments() const {
        std::vector<Map::value_type> members;
        std::size_t count = 0;
        const stockade_argument* all = stockade_handling_arguments(handling_, &count);
        for (std::size_t at = 0; at < count; ++at) {
            if (!is_channel(all[at].value)) {
                members.emplace_back(all[at].name, detail::value_of(all[at].value));
            }
        }
        return Map(std::move(members));
    }

    /// One argument, as a T or a channel. Throws CommandError (`invalid_args`), which is an answer, if it is none, or
    /// missing; missing is fine for a std::optional.
    template <class T = Value>
    [[nodiscard]] T argument(const char* name) const {
        const stockade_value value = stockade_handling_argument(handling_, name);
        if constexpr (std::is_same_v<T, SendChannel>) {
            want(value.kind == STOCKADE_SENDER, name, "a channel to the caller");
            return SendChannel(value.as.sender, true);
        } else if constexpr (detail::is_receive_channel<T>) {
            want(value.kind == STOCKADE_RECEIVER, name, "a channel from the caller");
            return T(value.as.receiver, true);
        } else {
            return converted<T>(value, name);
        }
    }

  private:
    friend class Yield;
    template <class Handler>
    friend struct detail::Exported;

    explicit Handling(stockade_handling* handling) noexcept : handling_(handling) {}

    [[nodiscard]] static bool is_channel(stockade_value value) noexcept {
        return value.kind == STOCKADE_SENDER || value.kind == STOCKADE_RECEIVER;
    }

    static void want(bool channel, const char* name, const char* what) {
        if (!channel) {
            throw detail::bad_argument(name, std::string(what) + " is wanted");
        }
    }

    template <class T>
    [[nodiscard]] static T converted(stockade_value value, const char* name) {
        if (value.kind == STOCKADE_MISSING) {
            if constexpr (detail::is_optional<T>) {
                return std::nullopt;
            }
            throw detail::bad_argument(name, "is missing");
        }
        if (is_channel(value)) {
            throw detail::bad_argument(name, "is no channel");
        }
        try {
            return detail::value_of(value).template as<T>();
        } catch (const ConversionError& error) {
            throw detail::bad_argument(error.inside(name).path(), error.reason());
        }
    }

    stockade_handling* handling_;
};

/// The stream of a handler: a parameter of this type makes its command one that yields.
class Yield {
  public:
    Yield(const Yield&) = delete;
    Yield& operator=(const Yield&) = delete;
    ~Yield() = default;

    /// Send the next item; waits while the caller takes no more. False: nobody wants the rest, so clean up and return.
    /// Throws CommandError, to be let pass, if the call was cancelled or its time is over.
    [[nodiscard]] bool operator()(const Value& item) { return put(detail::Lent(item).get()); }
    [[nodiscard]] bool operator()(BytesView item) { return put(detail::lend_bytes(item)); }
    [[nodiscard]] bool operator()(const Bytes& item) { return put(detail::lend_bytes(item)); }

  private:
    template <class Handler>
    friend struct detail::Exported;

    explicit Yield(const Handling& handling) noexcept : handling_(handling.handling_) {}

    [[nodiscard]] bool put(stockade_value item) {
        detail::CError error;
        const stockade_status status = stockade_yield(handling_, item, error.out());
        if (status != STOCKADE_DONE) {
            detail::check(status, error);
        }
        return status == STOCKADE_OK;
    }

    stockade_handling* handling_;
};

/// What an exported command promises the core.
struct ExportOptions {
    /// Calls that the core sends ahead; they are handled one at a time.
    unsigned concurrency = 1;
    /// It may be run twice, should this worker die.
    bool idempotent = false;
};

namespace detail {

// What a handler's parameters are: std::function finds out for all that can be called.
template <class Handler>
using Signature = decltype(std::function(std::declval<Handler>()));

template <class Parameter>
inline constexpr bool is_handling = std::is_same_v<std::decay_t<Parameter>, Handling>;
template <class Parameter>
inline constexpr bool is_yield = std::is_same_v<std::decay_t<Parameter>, Yield>;
template <class Parameter>
inline constexpr bool is_named = !is_handling<Parameter> && !is_yield<Parameter>;

/// Where the argument for a parameter is kept while the handler runs. A view of text needs the text.
template <class Parameter>
using Kept = std::conditional_t<!is_named<Parameter>, std::decay_t<Parameter>&,
                                std::conditional_t<std::is_same_v<std::decay_t<Parameter>, std::string_view>,
                                                   std::string, std::decay_t<Parameter>>>;

/// Where an exception waits that must not cross the library beneath: `run` and `poll` throw it again.
struct Carried {
    std::exception_ptr exception;

    [[nodiscard]] stockade_status take() noexcept {
        exception = std::current_exception();
        return STOCKADE_FAILED;
    }
    void release() {
        if (exception) {
            std::rethrow_exception(std::exchange(exception, nullptr));
        }
    }
};

/// A handler with the names of its arguments: what stockade.h calls, and what catches all that it throws.
template <class Result, class... Parameters>
struct Exported<std::function<Result(Parameters...)>> {
    static constexpr std::size_t names_wanted = (std::size_t{is_named<Parameters>} + ... + 0);
    static constexpr bool streams = (is_yield<Parameters> || ...);

    std::function<Result(Parameters...)> handler;
    std::array<std::string, names_wanted> names;
    Carried* carried;

    static void destroy(void* user) { delete static_cast<Exported*>(user); }

    static stockade_status answer(stockade_handling* handling, void* user) noexcept {
        auto& self = *static_cast<Exported*>(user);
        try {
            Handling face(handling);
            return self.answered(face, std::index_sequence_for<Parameters...>());
        } catch (const CommandError& error) {
            return answered_with(handling, error);
        } catch (const Ended& end) {
            (void)self.carried->take();
            return status_of(end);
        } catch (const std::exception& error) {
            return failed(handling, error.what());
        } catch (...) {
            return failed(handling, "something that is no std::exception");
        }
    }

  private:
    template <std::size_t... Each>
    [[nodiscard]] stockade_status answered(Handling& handling, std::index_sequence<Each...> /*each*/) {
        check_names(handling);
        Yield yield(handling);
        std::tuple<Kept<Parameters>...> kept{argument<Parameters, Each>(handling, yield)...};
        if constexpr (std::is_void_v<Result>) {
            handler(static_cast<Parameters&&>(std::get<Each>(kept))...);
            return STOCKADE_OK;
        } else {
            const Value result(handler(static_cast<Parameters&&>(std::get<Each>(kept))...));
            return stockade_answer(handling.handling_, Lent(result).get(), nullptr);
        }
    }

    template <class Parameter, std::size_t Position>
    [[nodiscard]] Kept<Parameter> argument([[maybe_unused]] Handling& handling, [[maybe_unused]] Yield& yield) const {
        if constexpr (is_handling<Parameter>) {
            return handling;
        } else if constexpr (is_yield<Parameter>) {
            return yield;
        } else {
            constexpr std::array<bool, sizeof...(Parameters)> named{is_named<Parameters>...};
            std::size_t before = 0;
            for (std::size_t at = 0; at < Position; ++at) {
                before += named[at] ? 1 : 0;
            }
            return handling.argument<Kept<Parameter>>(names[before].c_str());
        }
    }

    /// A handler that names arguments takes no others; one that names none may look at them itself.
    void check_names(const Handling& handling) const {
        if ((is_handling<Parameters> || ...) && names_wanted == 0) {
            return;
        }
        std::size_t count = 0;
        const stockade_argument* all = stockade_handling_arguments(handling.handling_, &count);
        for (std::size_t at = 0; at < count; ++at) {
            if (std::find(names.begin(), names.end(), all[at].name) == names.end()) {
                throw bad_argument(all[at].name, "there is no such argument");
            }
        }
    }

    [[nodiscard]] static stockade_status answered_with(stockade_handling* handling,
                                                       const CommandError& error) noexcept {
        try {
            const Lent data(error.data());
            return stockade_answer_error(handling, error.code().c_str(), error.message().c_str(),
                                         error.data().is_null() ? stockade_value{} : data.get());
        } catch (const std::exception& unsayable) {  // its data
            return failed(handling, unsayable.what());
        }
    }

    /// The caller learns that it failed; why is for the log alone.
    [[nodiscard]] static stockade_status failed(stockade_handling* handling, const char* why) noexcept {
        (void)std::fprintf(stderr, "stockade: the handler of %s threw: %s\n", stockade_handling_command(handling), why);
        return stockade_answer_error(handling, STOCKADE_CODE_FAILED, "the handler failed: the worker's log says why",
                                     {});
    }
};

}  // namespace detail

}  // namespace stockade
