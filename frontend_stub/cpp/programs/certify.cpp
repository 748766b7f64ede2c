// The echo worker that `stockade certify` leads through the protocol: docs/certify.md says what it does.
#include <stockade.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using stockade::Array;
using stockade::Bytes;
using stockade::Call;
using stockade::CommandError;
using stockade::Core;
using stockade::Event;
using stockade::Handling;
using stockade::Map;
using stockade::Options;
using stockade::ReceiveChannel;
using stockade::SendChannel;
using stockade::Subscription;
using stockade::Value;
using stockade::Yield;

/// All of them.
const Array offers{"together", "cancel", "timeout", "retry",          "stream", "channels", "raw",
                   "events",   "emits",  "exports", "export-streams", "nested", "floats"};

// -- reports ----------------------------------------------------------------------------------------------------------
// -----------------------------------------------------------------------------------------------------------

Value report_of(const CommandError& error) {
    return Map{{"code", error.code()}, {"message", error.message()}, {"data", error.data()}};
}

template <class T>
Map report_of(const stockade::Outcome<T>& outcome) {
    return outcome ? Map{{"value", outcome.value()}} : Map{{"error", report_of(outcome.error())}};
}

/// What receiving came to: items, and the error that the channel ended with.
struct Received {
    Array items;
    std::optional<CommandError> error;
};

template <class Channel>
Received receive(Channel& channel, std::optional<std::uint64_t> take) {
    Received received;
    try {
        while (!take || received.items.size() < *take) {
            auto item = channel.receive();
            if (!item) {
                break;
            }
            received.items.push_back(std::move(*item));
        }
    } catch (const CommandError& error) {
        received.error = error;
    }
    if (take && received.items.size() == *take) {
        channel.drop();
    }
    return received;
}

// -- a task -----------------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------------

template <class T>
std::optional<T> optional_of(const Map& task, std::string_view key) {
    const Value* value = task.find(key);
    return value == nullptr ? std::nullopt : value->as<std::optional<T>>();
}

Options options_of(const Map& task) {
    Options options;
    if (const Value* timeout = task.find("timeout")) {
        timeout->is_null() ? options.forever()
                           : options.timeout(std::chrono::milliseconds(timeout->as<std::int64_t>()));
    }
    if (const auto trace = optional_of<std::string>(task, "trace")) {
        options.trace(*trace);
    }
    return options.wait(optional_of<bool>(task, "wait").value_or(true))
        .idempotent(optional_of<bool>(task, "idempotent").value_or(false));
}

/// What a task calls.
struct Asked {
    explicit Asked(const Map& task)
        : command(task.at("command").as<std::string>()), arguments(task.at("arguments").as<Map>()) {}

    std::string command;
    Map arguments;
};

class EchoWorker {
  public:
    explicit EchoWorker(Core& core) : core_(core) { export_all(); }

    void run() {
        core_.ready();
        auto task = next("offers", offers);
        for (;;) {
            const auto does = task.at("do").as<std::string>();
            if (does == "leave") {
                return;
            }
            if (does == "run") {
                core_.run();
                return;
            }
            task = next("report", report_on(does, task));
        }
    }

  private:
    using Doing = Value (EchoWorker::*)(const Map&);

    Map next(const char* name, const Value& value) {
        return core_.invoke<Map>("certify.next", {{name, value}}, Options().forever());
    }

    Value report_on(const std::string& does, const Map& task) {
        static const std::map<std::string, Doing> tasks{
            {"invoke", &EchoWorker::invoke}, {"calls", &EchoWorker::calls},
            {"cancel", &EchoWorker::cancel}, {"echo", &EchoWorker::echo},
            {"bytes", &EchoWorker::bytes},   {"stream", &EchoWorker::stream},
            {"send", &EchoWorker::send},     {"receive", &EchoWorker::receive_items},
            {"listen", &EchoWorker::listen}, {"unlisten", &EchoWorker::unlisten},
            {"events", &EchoWorker::events}, {"emit", &EchoWorker::emit},
            {"serve", &EchoWorker::serve},
        };
        const auto found = tasks.find(does);
        if (found == tasks.end()) {
            return Map{{"error", report_of(CommandError("certify.unknown", "no task is called " + does))}};
        }
        return (this->*found->second)(task);
    }

    // -- calls --------------------------------------------------------------------------------------------------------

    Value invoke(const Map& task) {
        Asked asked(task);
        return report_of(core_.try_invoke(asked.command, std::move(asked.arguments), options_of(task)));
    }

    Value calls(const Map& task) {
        std::vector<Call<>> begun;
        for (const Value& arguments : task.at("each").get<Array>()) {
            begun.push_back(core_.call(task.at("command").as<std::string>(), arguments.as<Map>()));
        }
        Array outcomes;
        for (Call<>& call : begun) {
            outcomes.push_back(report_of(call.outcome()));
        }
        return Map{{"outcomes", std::move(outcomes)}};
    }

    Value cancel(const Map& task) {
        Asked asked(task);
        Call<> call = core_.call(asked.command, std::move(asked.arguments));
        core_.invoke("certify.now");
        call.cancel();
        return report_of(call.outcome());
    }

    // NOLINTNEXTLINE(readability-convert-member-functions-to-static): it stands in a table of members
    Value echo(const Map& task) { return Map{{"values", task.at("values")}}; }

    Value bytes(const Map& task) {
        Bytes bytes(task.at("size").as<std::size_t>());
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            bytes[at] = static_cast<std::byte>(at % 251);
        }
        return report_of(core_.try_invoke(task.at("command").as<std::string>(),
                                          {{task.at("argument").as<std::string>(), stockade::BytesView(bytes)}}));
    }

    // -- streams and channels -----------------------------------------------------------------------------------------

    Value stream(const Map& task) {
        Asked asked(task);
        auto stream = core_.stream(asked.command, std::move(asked.arguments));
        Received received = receive(stream, optional_of<std::uint64_t>(task, "take"));
        Map report{{"items", std::move(received.items)}};
        if (received.error) {
            report["error"] = report_of(*received.error);
        }
        return report;
    }

    Value send(const Map& task) {
        SendChannel items = core_.send_channel();
        Call<> call = call_with(task, items);
        std::uint64_t sent = 0;
        try {
            for (const Value& item : task.at("items").get<Array>()) {
                items.send(item);
                ++sent;
            }
            const auto finish = task.at("finish").as<std::string>();
            if (finish == "end") {
                items.end();
            } else if (finish == "fail") {
                items.fail({"certify.stopped", "as asked"});
            }
        } catch (const CommandError&) {
            // Dropped, or the call has failed: its outcome says which.
        }
        Map report = report_of(call.outcome());
        report["sent"] = sent;
        return report;
    }

    Value receive_items(const Map& task) {
        auto items = core_.receive_channel(optional_of<std::uint64_t>(task, "credit").value_or(64));
        Call<> call = call_with(task, items);
        Received received = receive(items, optional_of<std::uint64_t>(task, "take"));
        Map report = report_of(call.outcome());
        report["items"] = std::move(received.items);
        if (received.error) {
            report["ended"] = report_of(*received.error);
        }
        return report;
    }

    /// The call of a task, with a channel as its argument `items`.
    template <class Channel>
    Call<> call_with(const Map& task, Channel& items) {
        Asked asked(task);
        stockade::Arguments arguments(std::move(asked.arguments));
        arguments.add({"items", items});
        return core_.call(asked.command, arguments);
    }

    // -- events -------------------------------------------------------------------------------------------------------

    Value listen(const Map& task) {
        const auto topic = task.at("topic").as<std::string>();
        const auto keep = [this](const Event& event) {
            kept_.emplace_back(Map{{"name", event.name}, {"source", event.source}, {"payload", event.payload}});
        };
        try {
            subscriptions_.insert_or_assign(topic, optional_of<bool>(task, "once").value_or(false)
                                                       ? core_.once(topic, keep)
                                                       : core_.listen(topic, keep));
        } catch (const CommandError& error) {
            return Map{{"error", report_of(error)}};
        }
        return Map{};
    }

    Value unlisten(const Map& task) {
        subscriptions_.erase(task.at("topic").as<std::string>());
        return Map{};
    }

    Value events(const Map& task) {
        const auto count = task.at("count").as<std::size_t>();
        while (kept_.size() < count) {
            core_.poll();
        }
        return Map{{"events", std::exchange(kept_, {})}, {"missed", core_.missed()}};
    }

    Value emit(const Map& task) {
        try {
            core_.emit(task.at("event").as<std::string>(), task.at("payload"), optional_of<std::string>(task, "to"));
        } catch (const CommandError& error) {
            return Map{{"error", report_of(error)}};
        }
        return Map{};
    }

    // -- exports ------------------------------------------------------------------------------------------------------

    Value serve(const Map& /*task*/) {
        for (enough_ = false; !enough_;) {
            core_.poll();
        }
        return Map{};
    }

    void export_all() {
        core_.export_command("echo.value", {"value"}, [](Value value) { return value; }, {1, true});
        core_.export_command("echo.fail", {"code", "message", "data"},
                             [](const std::string& code, const std::string& message, const std::optional<Value>& data) {
                                 throw CommandError(code, message, data.value_or(Value()));
                             });
        core_.export_command("echo.crash", [] { throw std::logic_error("as asked"); });
        core_.export_command("echo.wait", [](Handling& handling) {
            while (!handling.cancelled()) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
            handling.check();
        });
        core_.export_command("echo.call", {"command", "arguments"}, [this](const std::string& command, Map arguments) {
            return core_.invoke(command, std::move(arguments));
        });
        core_.export_command("echo.emit", {"event", "payload"},
                             [this](const std::string& event, const Value& payload) { core_.emit(event, payload); });
        core_.export_command("echo.enough", [this] { enough_ = true; });
        export_streams();
    }

    void export_streams() {
        core_.export_command("echo.count", {"n"}, [](Yield& yield, std::int64_t n) { (void)count(yield, n); });
        core_.export_command("echo.break", {"n"}, [](Yield& yield, std::int64_t n) {
            if (count(yield, n)) {
                throw CommandError("echo.broken", "as asked");
            }
        });
        core_.export_command("echo.sum", {"items"}, [](ReceiveChannel<std::int64_t> items) {
            std::int64_t sum = 0;
            for (const std::int64_t item : items) {
                sum += item;
            }
            return sum;
        });
        core_.export_command("echo.send", {"n", "items"}, [](std::int64_t n, SendChannel items) {
            for (std::int64_t item = 0; item < n; ++item) {
                items.send(item);
            }
            items.end();
            return n;
        });
    }

    /// False if nobody wants the rest.
    static bool count(Yield& yield, std::int64_t n) {
        for (std::int64_t item = 0; item < n; ++item) {
            if (!yield(item)) {
                return false;
            }
        }
        return true;
    }

    Core& core_;
    bool enough_ = false;
    Array kept_;
    std::map<std::string, Subscription> subscriptions_;
};

}  // namespace

int main() {
    return stockade::run_worker([](Core& core) { EchoWorker(core).run(); });
}
