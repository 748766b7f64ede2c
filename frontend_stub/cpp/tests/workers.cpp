// The workers of the live tests: each does one thing with the face, and reports what it saw by calling `report`.
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scripted_core.hpp"

namespace testing {

namespace {

using namespace std::chrono_literals;
using stockade::Call;
using stockade::CommandError;
using stockade::ConnectOptions;
using stockade::Core;
using stockade::Ended;
using stockade::Event;
using stockade::Handling;
using stockade::Options;
using stockade::ReceiveChannel;
using stockade::SendChannel;
using stockade::Yield;

struct Note {
    std::string name;
    int stars = 0;
};

constexpr auto stockade_fields(const Note* /*tag*/) {
    return stockade::fields("name", &Note::name, "stars", &Note::stars);
}

void report(Core& core, const Value& seen) {
    core.invoke<void>("report", {{"seen", seen}});
}

template <class Body>
std::function<int()> worker(Body body, ConnectOptions options = {}) {
    return [body, options] { return stockade::run_worker(body, options); };
}

// -- calls ------------------------------------------------------------------------------------------------------------
// -------------------------------------------------------------------------------------------------------------

void invokes(Core& core) {
    const auto note = core.invoke<Note>("notes.read", Note{"todo", 3});
    report(core, Array{note.name, note.stars});
}

void is_refused(Core& core) {
    try {
        core.invoke("notes.read");
    } catch (const CommandError& error) {
        report(core, Array{error.code(), error.message(), error.data()});
    }
    const auto outcome = core.try_invoke<int>("notes.count");
    report(core, Array{outcome.has_value(), outcome.error().code()});
    report(core, core.try_invoke<int>("notes.count").value());
}

void takes_a_result_for_what_it_is_not(Core& core) {
    try {
        core.invoke<Note>("notes.read");
    } catch (const stockade::ConversionError& error) {
        report(core, error.what());
    }
}

void says_how(Core& core) {
    (void)core.try_invoke("one", {}, Options().timeout(30s).idempotent());
    (void)core.try_invoke("two", {}, Options().forever());
    (void)core.try_invoke("three", {}, Options().wait(false));
}

void forgets_a_call(Core& core) {
    { const Call<> forgotten = core.call("slow"); }
    report(core, "forgotten");
}

void keeps_calls(Core& core) {
    std::vector<Call<int>> calls;
    for (int number = 0; number < 3; ++number) {
        calls.push_back(core.call<int>("number", {{"of", number}}));
    }
    Array results;
    for (Call<int>& call : calls) {
        results.push_back(call.result());
    }
    report(core, results);
}

void passes_bytes(Core& core) {
    const Bytes large(20'000, std::byte{7});
    core.invoke<void>("take", {{"bytes", stockade::BytesView(large)}, {"small", Bytes{std::byte{1}}}});
}

void names_with_a_nul(Core& core) {
    std::vector<std::string> said;
    const auto said_by = [&](auto attempt) {
        try {
            attempt();
        } catch (const stockade::Misuse& misuse) {
            said.emplace_back(misuse.what());
        }
    };
    const std::string nul("a\0b", 3);
    said_by([&] { core.invoke(nul); });
    said_by([&] { core.invoke("a", {{nul, 1}}); });
    said_by([&] { core.emit(nul); });
    said_by([&] { (void)core.listen(nul, [](const Event&) {}); });
    report(core, said.size());
}

void moves_its_core(Core& core) {
    std::string heard;
    auto subscription =
        core.listen("notes/changed", [&](const Event& event) { heard = event.payload.as<std::string>(); });
    Core moved = std::move(core);
    report(moved, "listening");
    while (heard.empty()) {
        moved.poll(5s);
    }
    report(moved, heard);
    try {
        core.emit("notes/changed");  // NOLINT(bugprone-use-after-move): that is what is tested
    } catch (const stockade::Misuse&) {
        report(moved, "moved from");
    }
    core = std::move(moved);
}

// -- streams and channels ---------------------------------------------------------------------------------------------
// ----------------------------------------------------------------------------------------------

void streams(Core& core) {
    Array names;
    for (const Note& note : core.stream<Note>("notes.all")) {
        names.push_back(note.name);
    }
    report(core, names);
}

void leaves_a_stream(Core& core) {
    for (const int number : core.stream<int>("numbers", {}, Options().credit(2))) {
        if (number == 1) {
            break;
        }
    }
    report(core, "left");
}

void throws_out_of_a_stream(Core& core) {
    try {
        for (const int number : core.stream<int>("numbers")) {
            throw std::runtime_error("at " + std::to_string(number));
        }
    } catch (const std::runtime_error& error) {
        report(core, error.what());
    }
}

void sees_a_stream_fail(Core& core) {
    int seen = 0;
    try {
        for (const int number : core.stream<int>("numbers")) {
            seen += number;
        }
    } catch (const CommandError& error) {
        report(core, Array{seen, error.code()});
    }
}

void sends(Core& core) {
    SendChannel ended = core.send_channel();
    SendChannel failed = core.send_channel();
    std::optional<SendChannel> forgotten = core.send_channel();
    Call<> call = core.call("load", {{"ended", ended}, {"failed", failed}, {"forgotten", *forgotten}});
    ended.send(Note{"a", 1});
    ended.end();
    failed.fail({"notes.torn", "half of it", Map{{"at", 2}}});
    forgotten.reset();
    call.result();
    report(core, "sent");
}

void is_dropped(Core& core) {
    SendChannel items = core.send_channel();
    const Call<> call = core.call("load", {{"items", items}});
    try {
        for (;;) {
            items.send(1);
        }
    } catch (const CommandError& error) {
        report(core, Array{error.code(), items.dropped()});
    }
}

// -- events -----------------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------------

void listens_for_a_while(Core& core) {
    {
        const auto subscription = core.listen("notes/", [](const Event&) {});
        report(core, "listening");
    }
    report(core, "not any more");
}

void closes_in_its_handler(Core& core) {
    int heard = 0;
    std::optional<stockade::Subscription> subscription;
    subscription = core.listen("notes/changed", [&](const Event&) {
        ++heard;
        subscription->close();
    });
    report(core, "listening");
    while (heard == 0) {
        core.poll(5s);
    }
    report(core, heard);
}

void throws_in_a_handler(Core& core) {
    const auto subscription =
        core.listen("notes/changed", [](const Event&) { throw std::domain_error("not that one"); });
    report(core, "listening");
    try {
        core.run();
    } catch (const std::domain_error& error) {
        report(core, error.what());
    }
    throw std::runtime_error("and now for good");
}

void emits(Core& core) {
    core.emit("notes/changed", Note{"todo", 1});
    core.emit("notes/bytes", stockade::BytesView("xy", 2));
    try {
        core.emit("denied/event");
    } catch (const CommandError& error) {
        report(core, error.code());
    }
}

// -- answering --------------------------------------------------------------------------------------------------------
// ---------------------------------------------------------------------------------------------------------

void answers(Core& core) {
    core.export_command("sum", {"one", "other"},
                        [](int one, std::optional<int> other) { return one + other.value_or(100); });
    core.export_command("view", {"text"}, [](std::string_view text) { return std::string(text) + "!"; });
    core.export_command("who", [](Handling& handling) {
        return Array{handling.caller(), handling.command(), handling.arguments()};
    });
    core.export_command("locked", [] { throw CommandError("notes.locked", "by somebody", Map{{"by", "x"}}); });
    core.export_command("broken", [] { throw std::logic_error("a secret of this worker"); });
    core.export_command("odd", [] { throw 7; });  // NOLINT(hicpp-exception-baseclass): that it is none is the point
    core.export_command("unsayable", [] { return "\xff"; });
    core.export_command("nothing", [] {});
    core.run();
}

void answers_with_streams(Core& core) {
    bool wanted = true;
    core.export_command("count", {"n"}, [&](int n, Yield& yield) {
        for (int item = 0; item < n && wanted; ++item) {
            wanted = yield(item);
        }
    });
    core.export_command("sum", {"items"}, [](ReceiveChannel<int> items) {
        int sum = 0;
        for (const int item : items) {
            sum += item;
        }
        return sum;
    });
    core.export_command("copy", {"back"}, [](SendChannel back) { back.send("one"); });
    core.run();
    report(core, wanted);
}

void throws_ended_out_of_a_handler(Core& core) {
    core.export_command("wait", [&](Handling&) { core.invoke("slow"); });
    core.run();
}

// -- memory -----------------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------------

std::size_t resident_pages() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    std::size_t size = 0;
    std::size_t resident = 0;
    if (file == nullptr || std::fscanf(file, "%zu %zu", &size, &resident) != 2) {
        throw std::runtime_error("/proc/self/statm");
    }
    (void)std::fclose(file);
    return resident;
}

void calls_very_often(Core& core) {
    const auto some = [&](int count) {
        std::deque<Call<Value>> in_flight;
        for (int number = 0; number < count; ++number) {
            if (in_flight.size() == 64) {
                in_flight.front().result();
                in_flight.pop_front();
            }
            in_flight.push_back(
                core.call("echo", {{"value", Note{"a note with a name that no small string holds", number}}}));
        }
    };
    some(100'000);
    const std::size_t before = resident_pages();
    some(1'000'000);
    report(core, Array{before, resident_pages()});
}

}  // namespace

const Workers workers{
    {"invokes", worker(invokes)},
    {"is_refused", worker(is_refused)},
    {"takes_a_result_for_what_it_is_not", worker(takes_a_result_for_what_it_is_not)},
    {"says_how", worker(says_how)},
    {"forgets_a_call", worker(forgets_a_call)},
    {"keeps_calls", worker(keeps_calls)},
    {"passes_bytes", worker(passes_bytes)},
    {"names_with_a_nul", worker(names_with_a_nul)},
    {"moves_its_core", worker(moves_its_core)},
    {"streams", worker(streams)},
    {"leaves_a_stream", worker(leaves_a_stream)},
    {"throws_out_of_a_stream", worker(throws_out_of_a_stream)},
    {"sees_a_stream_fail", worker(sees_a_stream_fail)},
    {"sends", worker(sends)},
    {"is_dropped", worker(is_dropped)},
    {"listens_for_a_while", worker(listens_for_a_while)},
    {"closes_in_its_handler", worker(closes_in_its_handler)},
    {"throws_in_a_handler", worker(throws_in_a_handler)},
    {"emits", worker(emits)},
    {"answers", worker(answers)},
    {"answers_with_streams", worker(answers_with_streams)},
    {"throws_ended_out_of_a_handler", worker(throws_ended_out_of_a_handler)},
    {"runs", worker([](Core& core) { core.run(); })},
    {"returns_seven", worker([](Core&) { return 7; })},
    {"waits_for_an_answer", worker([](Core& core) { core.invoke("slow", {}, Options().forever()); })},
    {"throws_when_stopped", worker(
                                [](Core& core) {
                                    try {
                                        core.run();
                                    } catch (const Ended& end) {
                                        return 40 + end.status();
                                    }
                                    return 1;
                                },
                                {1024, 0us, true})},
    {"calls_very_often", worker(calls_very_often)},
};

}  // namespace testing
