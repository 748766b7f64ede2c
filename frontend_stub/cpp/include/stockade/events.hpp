/// Events, as handlers see them.
#pragma once

#include <stockade.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "stockade/codec.hpp"
#include "stockade/owner.hpp"
#include "stockade/value.hpp"

namespace stockade {

/// Something that has happened, and that this worker listens to.
struct Event {
    std::string name;
    /// The label of the worker that emitted it, or `core`.
    std::string source;
    Value payload;
    /// Numbers the events that were meant for this worker: a gap is what it has missed.
    std::uint64_t seq = 0;
    /// The W3C traceparent that it came with. What the handler calls and emits goes on with it by itself.
    std::optional<std::string> trace;
};

/// That this worker listens: destroying it ends that, so keep it as long as the handler is to be called.
class [[nodiscard]] Subscription {
  public:
    /// Call the handler no more, not even for events that have come and wait. Doing so again does nothing. The handler
    /// may do it itself.
    void close() noexcept { subscription_.reset(); }

  private:
    friend class Core;
    explicit Subscription(stockade_subscription* subscription) : subscription_(subscription) {}

    detail::Owner<stockade_subscription, &stockade_unlisten> subscription_;
};

}  // namespace stockade
