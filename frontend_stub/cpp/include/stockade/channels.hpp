/// The two ends of a channel. Either belongs to the thread of its core; destroying one ends the channel.
#pragma once

#include <stockade.h>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "stockade/codec.hpp"
#include "stockade/command_error.hpp"
#include "stockade/owner.hpp"
#include "stockade/status.hpp"
#include "stockade/value.hpp"

namespace stockade {

class Argument;
class Core;
class Handling;

namespace detail {

/// Frees an end, but one that a handler was lent.
template <auto Free>
struct MaybeFreed {
    bool lent = false;
    template <class T>
    void operator()(T* end) const noexcept {
        if (!lent) {
            Free(end);
        }
    }
};

}  // namespace detail

/// An end to send on. Pass it to one call, as an argument; then `send`, and `end` it. One that is destroyed before ends
/// with an error; one that a handler was lent ends well when the handler returns.
class SendChannel {
  public:
    /// Waits while the receiver takes no more. Throws CommandError: `cancelled` if the receiver wants no more
    /// (`dropped` says so), `too_large`, the error of its call if that has failed; and EncodeError.
    void send(const Value& item) { put(detail::Lent(item).get()); }
    /// The same for bytes, which are not copied into a Value.
    void send(BytesView item) { put(detail::lend_bytes(item)); }
    void send(const Bytes& item) { put(detail::lend_bytes(item)); }

    /// Whether the receiver wants no more.
    [[nodiscard]] bool dropped() const noexcept { return stockade_sender_dropped(sender_.get()); }

    /// Nothing more will be sent. Doing so again does nothing.
    void end() {
        detail::CError error;
        detail::check(stockade_end(sender_.get(), error.out()), error);
    }
    /// Nothing more will be sent, and that was not all: the receiver gets this error.
    void fail(const CommandError& why) {
        const detail::OwnedError given = detail::c_error_of(why);
        detail::CError error;
        detail::check(stockade_fail(sender_.get(), given.get(), error.out()), error);
    }

  private:
    friend class Argument;
    friend class Core;
    friend class Handling;
    using Deleter = detail::MaybeFreed<&stockade_sender_free>;

    SendChannel(stockade_sender* sender, bool lent) : sender_(sender, Deleter{lent}) {}

    void put(stockade_value item) {
        detail::CError error;
        detail::check(stockade_send(sender_.get(), item, error.out()), error);
    }

    std::unique_ptr<stockade_sender, Deleter> sender_;
};

/// An end to receive from, and what `Core::stream` returns. `for (const Note& note : channel)` takes every item, and
/// throws CommandError at the end if that is what the sender, or the call, ended with. Destroying it drops what is
/// left.
template <class T = Value>
class ReceiveChannel {
  public:
    class iterator;
    struct sentinel {};

    /// The next item; nothing at the end. Waits. Throws CommandError as above, and ConversionError if an item is no T.
    [[nodiscard]] std::optional<T> receive() {
        detail::CError error;
        detail::Owned item;
        const stockade_status status = stockade_receive(receiver_.get(), item.out(), error.out());
        if (status == STOCKADE_DONE) {
            return std::nullopt;
        }
        detail::check(status, error);
        return detail::value_of(item.get()).template as<T>();
    }

    /// No more is wanted: the sender is told, and what has come is forgotten. Doing so again does nothing.
    void drop() noexcept { stockade_drop(receiver_.get()); }

    /// Once, since what is received is gone: an input iterator, which waits as it goes on.
    [[nodiscard]] iterator begin() { return iterator(*this); }
    [[nodiscard]] sentinel end() const noexcept { return {}; }

  private:
    friend class Argument;
    friend class Core;
    friend class Handling;
    using Deleter = detail::MaybeFreed<&stockade_receiver_free>;

    ReceiveChannel(stockade_receiver* receiver, bool lent) : receiver_(receiver, Deleter{lent}) {}

    std::unique_ptr<stockade_receiver, Deleter> receiver_;
};

template <class T>
class ReceiveChannel<T>::iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;

    [[nodiscard]] T& operator*() noexcept { return *item_; }
    [[nodiscard]] T* operator->() noexcept { return &*item_; }
    iterator& operator++() {
        item_ = channel_->receive();
        return *this;
    }
    void operator++(int) { ++*this; }

    friend bool operator==(const iterator& here, sentinel /*end*/) noexcept { return !here.item_.has_value(); }
    friend bool operator!=(const iterator& here, sentinel /*end*/) noexcept { return here.item_.has_value(); }
    friend bool operator==(sentinel /*end*/, const iterator& here) noexcept { return !here.item_.has_value(); }
    friend bool operator!=(sentinel /*end*/, const iterator& here) noexcept { return here.item_.has_value(); }

  private:
    friend class ReceiveChannel;
    explicit iterator(ReceiveChannel& channel) : channel_(&channel), item_(channel.receive()) {}

    ReceiveChannel* channel_;
    std::optional<T> item_;
};

}  // namespace stockade
