/// Calls to the core: what is passed, how, and what becomes of it.
#pragma once

#include <stockade.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "stockade/channels.hpp"
#include "stockade/codec.hpp"
#include "stockade/command_error.hpp"
#include "stockade/owner.hpp"
#include "stockade/status.hpp"
#include "stockade/value.hpp"

namespace stockade {

namespace detail {

/// Milliseconds, rounded up, as stockade.h takes them: one at the least, and no more than some thirty years.
template <class Rep, class Period>
[[nodiscard]] std::int64_t milliseconds_of(std::chrono::duration<Rep, Period> duration) {
    constexpr double longest = 1e12;
    const double exact = std::chrono::duration<double, std::milli>(duration).count();
    if (std::isnan(exact)) {
        throw Misuse("a timeout that is not a number");
    }
    return exact >= longest ? static_cast<std::int64_t>(longest)
           : exact <= 1     ? 1
                            : static_cast<std::int64_t>(std::ceil(exact));
}

}  // namespace detail

/// How to call: `core.invoke("notes.index", {}, Options().timeout(2s))`.
class Options {
  public:
    /// How long to wait: then the command is cancelled, and the call fails as `deadline_exceeded`. Unsaid, it is what
    /// the core says, `limits().deadline`. A stream's is the time of the whole stream.
    template <class Rep, class Period>
    Options& timeout(std::chrono::duration<Rep, Period> duration) {
        options_.timeout = detail::milliseconds_of(duration);
        return *this;
    }
    /// Wait as long as it takes.
    Options& forever() noexcept {
        options_.timeout = STOCKADE_FOREVER;
        return *this;
    }
    /// Whether to try again while the core is busy, as long as there is time: true, unless said here.
    Options& wait(bool wait) noexcept {
        options_.no_wait = !wait;
        return *this;
    }
    /// The command may be run twice, should the worker that runs it die.
    Options& idempotent(bool idempotent = true) noexcept {
        options_.idempotent = idempotent;
        return *this;
    }
    /// A W3C traceparent. Unsaid, it is that of what is being handled, if anything is.
    Options& trace(std::string traceparent) {
        trace_ = std::move(traceparent);
        return *this;
    }
    /// Of a stream: the items that the command may be ahead, 64 if it is not said.
    Options& credit(std::uint64_t items) noexcept {
        options_.credit = items;
        return *this;
    }

  private:
    friend class Core;

    [[nodiscard]] stockade_options lend() const {
        stockade_options lent = options_;
        lent.trace = trace_ ? detail::name_of(*trace_) : nullptr;
        return lent;
    }

    stockade_options options_{};
    std::optional<std::string> trace_;
};

/// One argument of a call: `{"name", value}`. The value is all that a Value can be made of, a BytesView, or a channel.
class Argument {
  public:
    template <class T, class = std::enable_if_t<std::is_constructible_v<Value, T&&>>>
    Argument(std::string name, T&& value) : name_(std::move(name)), content_(Value(std::forward<T>(value))) {}
    /// Bytes that stay where they are until the call has been sent.
    Argument(std::string name, BytesView bytes) : name_(std::move(name)), content_(detail::lend_bytes(bytes)) {}
    /// This side sends what the command receives, and the other way round.
    Argument(std::string name, SendChannel& channel)
        : name_(std::move(name)), content_(stockade_sending(channel.sender_.get())) {}
    template <class T>
    Argument(std::string name, ReceiveChannel<T>& channel)
        : name_(std::move(name)), content_(stockade_receiving(channel.receiver_.get())) {}

  private:
    friend class Arguments;

    // Mutable, since the elements of an initializer_list are const, and large values should not be copied out of it.
    mutable std::string name_;
    mutable std::variant<Value, stockade_value> content_;
};

/// The arguments of a call, by name: `{{"name", "todo"}, {"size", 3}}`, a Map, or a struct that has `stockade_fields`.
class Arguments {
  public:
    Arguments() = default;
    Arguments(std::initializer_list<Argument> arguments) {
        arguments_.reserve(arguments.size());
        for (const Argument& argument : arguments) {
            arguments_.push_back({std::move(argument.name_), std::move(argument.content_)});
        }
    }
    Arguments(Map map) {  // NOLINT(google-explicit-constructor): a map is a list of arguments
        arguments_.reserve(map.size());
        for (auto& [name, value] : std::move(map).release()) {
            arguments_.push_back({std::move(name), std::move(value)});
        }
    }
    /// One more.
    Arguments& add(Argument argument) {
        arguments_.push_back({std::move(argument.name_), std::move(argument.content_)});
        return *this;
    }
    template <class T, class = std::enable_if_t<detail::has_fields<T>>>
    Arguments(const T& fields) : Arguments(Convert<T>::encode(fields).template as<Map>()) {}  // NOLINT: likewise

  private:
    friend class Core;
    struct Named {
        std::string name;
        std::variant<Value, stockade_value> content;
    };

    /// As stockade.h takes them: as long as this and the Arguments live.
    class List {
      public:
        explicit List(const Arguments& arguments) {
            if (arguments.arguments_.empty()) {
                return;
            }
            lent_.reserve(arguments.arguments_.size());
            list_.reserve(arguments.arguments_.size() + 1);
            for (const Named& argument : arguments.arguments_) {
                list_.push_back({detail::name_of(argument.name), lend(argument.content)});
            }
            list_.push_back({nullptr, {}});
        }
        [[nodiscard]] const stockade_argument* get() const noexcept { return list_.empty() ? nullptr : list_.data(); }

      private:
        [[nodiscard]] stockade_value lend(const std::variant<Value, stockade_value>& content) {
            const Value* value = std::get_if<Value>(&content);
            return value == nullptr ? std::get<stockade_value>(content) : lent_.emplace_back(*value).get();
        }

        std::vector<detail::Lent> lent_;
        std::vector<stockade_argument> list_;
    };

    std::vector<Named> arguments_;
};

/// What a call ended with: a result, or the CommandError, for programs that expect either.
template <class T>
class Outcome {
  public:
    Outcome(T value) : either_(std::in_place_index<0>, std::move(value)) {}             // NOLINT: it is either
    Outcome(CommandError error) : either_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

    [[nodiscard]] bool has_value() const noexcept { return either_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The result. Throws the error if there is none.
    [[nodiscard]] T& value() & {
        check();
        return std::get<0>(either_);
    }
    [[nodiscard]] const T& value() const& {
        check();
        return std::get<0>(either_);
    }
    [[nodiscard]] T&& value() && {
        check();
        return std::get<0>(std::move(either_));
    }
    /// The error. Only if there is no result.
    [[nodiscard]] const CommandError& error() const { return std::get<1>(either_); }

  private:
    void check() const {
        if (const auto* error = std::get_if<1>(&either_)) {
            throw CommandError(*error);
        }
    }

    std::variant<T, CommandError> either_;
};

namespace detail {

template <class T>
[[nodiscard]] T result_of(const Owned& result) {
    if constexpr (!std::is_void_v<T>) {
        return value_of(result.get()).template as<T>();
    }
}

template <class T>
[[nodiscard]] Outcome<T> outcome_of(stockade_status status, const Owned& result, const CError& error) {
    if (status == STOCKADE_COMMAND) {
        return command_error_of(error.get());
    }
    check(status, error);
    return result_of<T>(result);
}

}  // namespace detail

/// A call that has begun. Its answer is there at some time; destroying it before cancels the command. `T` is what the
/// result is taken as; void is for results that are of no interest.
template <class T = Value>
class [[nodiscard]] Call {
  public:
    /// Wait for the answer. It may be asked for again. Throws CommandError, and ConversionError if the result is no T.
    T result() {
        detail::CError error;
        detail::Owned result;
        detail::check(stockade_pending_result(pending_.get(), result.out(), error.out()), error);
        return detail::result_of<T>(result);
    }

    /// Wait for the answer, whichever it is.
    [[nodiscard]] Outcome<T> outcome() {
        detail::CError error;
        detail::Owned result;
        const stockade_status status = stockade_pending_result(pending_.get(), result.out(), error.out());
        return detail::outcome_of<T>(status, result, error);
    }

    /// Whether the answer is there. Sends what has gathered, and reads without waiting.
    [[nodiscard]] bool done() { return stockade_pending_done(pending_.get()); }

    /// Nobody wants the answer any more: the core stops the command, and `result` throws `cancelled`. False if the
    /// answer is there already. The command may have run all the same.
    bool cancel() { return stockade_pending_cancel(pending_.get()); }

  private:
    friend class Core;
    explicit Call(stockade_pending* pending) : pending_(pending) {}

    detail::Owner<stockade_pending, &stockade_pending_free> pending_;
};

}  // namespace stockade
