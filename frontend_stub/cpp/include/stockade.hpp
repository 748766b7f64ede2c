/// stockade.hpp - what a C++ worker of a Stockade application includes.
///
/// A worker is started by `stockade run`. It connects, calls commands of the core, listens to events, emits some, and
/// answers commands itself:
///
///     #include <stockade.hpp>
///
///     int main() {
///         return stockade::run_worker([](stockade::Core& core) {
///             const auto note = core.invoke<std::string>("notes.read", {{"name", "todo"}});
///             auto changed = core.listen("notes/changed", [](const stockade::Event& event) { std::cout <<
///             event.payload; }); core.run();  // until the supervisor asks to stop
///         });
///     }
///
/// It is a face of stockade.h, which does all the work, and is linked. What holds everywhere:
///
///  - Threads. A Core, and all that comes from it, belongs to the thread that connected. There are no globals.
///  - Failure. error.hpp has the tree of exceptions. None is lost and none crosses the library beneath: what the
///  handler
///    of an event throws comes out of `run` or `poll`, what the handler of a call throws is its answer.
///  - The end. `Ended` says that the conversation is over; let it pass, to `run_worker` or a main function of your own.
///  - Lifetime. Destroying a thing ends it: a Call is cancelled, a stream dropped, a subscription closed, and a Core
///  takes
///    leave. What came from a core may outlive it.
///
/// SPDX-License-Identifier: MIT
#pragma once

#include "stockade/calls.hpp"
#include "stockade/channels.hpp"
#include "stockade/codec.hpp"
#include "stockade/command_error.hpp"
#include "stockade/convert.hpp"
#include "stockade/core.hpp"
#include "stockade/error.hpp"
#include "stockade/events.hpp"
#include "stockade/handling.hpp"
#include "stockade/print.hpp"
#include "stockade/value.hpp"
