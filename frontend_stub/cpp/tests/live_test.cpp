// The face as a worker sees it: real processes and sockets, and a core that says what each case needs.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "scripted_core.hpp"

using stockade::Array;
using stockade::Bytes;
using stockade::Map;
using stockade::Value;
using testing::ScriptedCore;

namespace {

/// What the worker reports next.
Value reported(ScriptedCore& core) {
    const Array call = core.expect("call");
    REQUIRE(call.at(2) == Value("report"));
    core.answer(call.at(1), nullptr);
    return call.at(3).at("seen");
}

/// That the worker takes its leave, and with which status.
int left(ScriptedCore& core) {
    core.expect_bye();
    return core.process().status();
}

Map options_of(const Array& call) {
    return call.size() > 4 ? call.at(4).as<Map>() : Map{};
}

Value channel_of(const Array& call, const char* name) {
    return options_of(call).at("channels").at(name).at("id");
}

/// The answer to a call of the core.
Array answer_to(ScriptedCore& core, std::uint64_t id, const char* command, const Map& arguments,
                const Map& options = {}) {
    Map all = options;
    all["caller"] = "core";
    core.send({"call", id, command, arguments, std::move(all)});
    return core.next();
}

}  // namespace

TEST_CASE("hello says which stub this is") {
    ScriptedCore core("returns_seven");
    CHECK(core.hello().at(1).at("stub") == Value("cpp/0.1.0"));
    CHECK(left(core) == 7);
}

// -- calls ------------------------------------------------------------------------------------------------------------
// -------------------------------------------------------------------------------------------------------------

TEST_CASE("invoke passes a struct as arguments, and takes the result as one") {
    ScriptedCore core("invokes");
    const Array call = core.expect("call");
    CHECK(call.at(2) == Value("notes.read"));
    CHECK(call.at(3) == Value(Map{{"name", "todo"}, {"stars", 3}}));
    core.answer(call.at(1), Map{{"name", "milk"}, {"stars", 5}});
    CHECK(reported(core) == Value(Array{"milk", 5}));
    CHECK(left(core) == 0);
}

TEST_CASE("an error that is the answer is thrown with all its parts, or returned where it was asked for") {
    ScriptedCore core("is_refused");
    core.send({"error", core.expect_call("notes.read"),
               Map{{"code", "notes.locked"}, {"message", "by x"}, {"data", Array{1}}}});
    CHECK(reported(core) == Value(Array{"notes.locked", "by x", Array{1}}));
    core.send({"error", core.expect_call("notes.count"), Map{{"code", "failed"}, {"message", ""}}});
    CHECK(reported(core) == Value(Array{false, "failed"}));
    core.answer(core.expect_call("notes.count"), 12);
    CHECK(reported(core) == Value(12));
    CHECK(left(core) == 0);
}

TEST_CASE("a result of another type is an error that says where") {
    ScriptedCore core("takes_a_result_for_what_it_is_not");
    core.answer(core.expect_call("notes.read"), Map{{"name", "x"}, {"stars", "five"}});
    CHECK(reported(core) == Value("stars: an integer is wanted, this is text"));
}

TEST_CASE("options say the deadline in milliseconds, none as null, and whether to try again") {
    ScriptedCore core("says_how");
    const auto options = [&](const char* command) {
        const Array call = core.expect("call");
        CHECK(call.at(2) == Value(command));
        core.answer(call.at(1), nullptr);
        return options_of(call);
    };
    const Map one = options("one");
    CHECK(one.at("deadline").as<int>() > 0);  // what is left of them
    CHECK(one.at("deadline").as<int>() <= 30'000);
    CHECK(one.at("idempotent") == Value(true));
    CHECK(options("two").at("deadline").is_null());
    core.send({"error", core.expect_call("three"), Map{{"code", "busy"}, {"message", "not now"}}});
    CHECK(left(core) == 0);
}

TEST_CASE("a timeout is rounded up to whole milliseconds, is one at the least, and never the sign for none") {
    using stockade::detail::milliseconds_of;
    using namespace std::chrono_literals;
    CHECK(milliseconds_of(1500us) == 2);
    CHECK(milliseconds_of(2s) == 2000);
    CHECK(milliseconds_of(0s) == 1);
    CHECK(milliseconds_of(-1s) == 1);
    CHECK(milliseconds_of(std::chrono::hours::max()) > 0);
    CHECK(milliseconds_of(std::chrono::duration<double>(0.25)) == 250);
    CHECK_THROWS_AS((void)milliseconds_of(std::chrono::duration<double>(std::nan(""))), stockade::Misuse);
}

TEST_CASE("a call that goes out of scope is cancelled") {
    ScriptedCore core("forgets_a_call");
    const Array first = core.next();
    if (first.at(0) == Value("call")) {  // it may also be cancelled before it was sent
        REQUIRE(first.at(2) == Value("slow"));
        CHECK(core.expect("cancel").at(1) == first.at(1));
        core.send({"error", first.at(1), Map{{"code", "cancelled"}, {"message", ""}}});
    }
    CHECK(reported(core) == Value("forgotten"));
}

TEST_CASE("calls begun together are answered in any order") {
    ScriptedCore core("keeps_calls");
    Array ids;
    for (int number = 0; number < 3; ++number) {
        ids.push_back(core.expect_call("number"));
    }
    for (int number = 2; number >= 0; --number) {
        core.answer(ids.at(static_cast<std::size_t>(number)), number * 10);
    }
    CHECK(reported(core) == Value(Array{0, 10, 20}));
}

TEST_CASE("large bytes go as a frame of their own, small ones in the message") {
    ScriptedCore core("passes_bytes");
    const Array call = core.expect("call");
    CHECK(call.at(3) == Value(Map{{"small", Bytes{std::byte{1}}}}));
    CHECK(core.raw(options_of(call).at("raw").at("bytes").as<std::size_t>()) == Bytes(20'000, std::byte{7}));
    core.answer(call.at(1), nullptr);
    CHECK(left(core) == 0);
}

TEST_CASE("a name with a NUL is refused, and never taken for a shorter one") {
    ScriptedCore core("names_with_a_nul");
    CHECK(reported(core) == Value(4));
}

TEST_CASE("a core that is moved keeps its handlers; the one it was moved from says so") {
    ScriptedCore core("moves_its_core");
    CHECK(core.expect_subscription() == "1notes/changed|");
    core.send({"listening", "notes/changed|"});
    CHECK(reported(core) == Value("listening"));
    core.emit("notes/changed", "milk");
    CHECK(reported(core) == Value("milk"));
    CHECK(reported(core) == Value("moved from"));
    CHECK(left(core) == 0);
}

// -- streams and channels ---------------------------------------------------------------------------------------------
// ----------------------------------------------------------------------------------------------

TEST_CASE("a loop over a stream sees every item, and ends with it") {
    ScriptedCore core("streams");
    const Array call = core.expect("call");
    const Value stream = channel_of(call, "yield");
    core.send({"item", stream, Map{{"name", "a"}, {"stars", 1}}});
    core.send({"item", stream, Map{{"name", "b"}, {"stars", 2}}});
    core.send({"end", stream});
    core.answer(call.at(1), nullptr);
    CHECK(reported(core) == Value(Array{"a", "b"}));
    CHECK(left(core) == 0);
}

TEST_CASE("leaving a loop over a stream drops it") {
    ScriptedCore core("leaves_a_stream");
    const Array call = core.expect("call");
    const Value stream = channel_of(call, "yield");
    CHECK(options_of(call).at("channels").at("yield").at("credit") == Value(2));
    core.send({"item", stream, 0});
    core.send({"item", stream, 1});
    CHECK(core.expect("drop").at(1) == stream);
    core.answer(call.at(1), nullptr);
    CHECK(reported(core) == Value("left"));
}

TEST_CASE("an exception out of a loop over a stream drops it, too") {
    ScriptedCore core("throws_out_of_a_stream");
    const Array call = core.expect("call");
    core.send({"item", channel_of(call, "yield"), 5});
    CHECK(core.expect("drop").at(1) == channel_of(call, "yield"));
    core.answer(call.at(1), nullptr);
    CHECK(reported(core) == Value("at 5"));
}

TEST_CASE("a stream that fails throws behind its last item") {
    ScriptedCore core("sees_a_stream_fail");
    const Array call = core.expect("call");
    core.send({"item", channel_of(call, "yield"), 5});
    core.send({"error", call.at(1), Map{{"code", "notes.torn"}, {"message", ""}}});
    CHECK(reported(core) == Value(Array{5, "notes.torn"}));
}

TEST_CASE("a channel ends as it is told to, and with an error if it is forgotten") {
    ScriptedCore core("sends");
    const Array call = core.expect("call");
    const Value ended = channel_of(call, "ended");
    const Value failed = channel_of(call, "failed");
    core.send({"credit", ended, 1});
    const Array item = core.expect("item");
    CHECK(item.at(1) == ended);
    CHECK(item.at(2) == Value(Map{{"name", "a"}, {"stars", 1}}));
    CHECK(core.expect("end") == Array{"end", ended});
    const Array failure = core.expect("end");
    CHECK(failure.at(1) == failed);
    CHECK(failure.at(2) == Value(Map{{"code", "notes.torn"}, {"message", "half of it"}, {"data", Map{{"at", 2}}}}));
    const Array forgotten = core.expect("end");
    CHECK(forgotten.at(1) == channel_of(call, "forgotten"));
    CHECK(forgotten.at(2).at("code") == Value("failed"));
    core.answer(call.at(1), nullptr);
    CHECK(reported(core) == Value("sent"));
    CHECK(left(core) == 0);
}

TEST_CASE("sending on a channel that was dropped throws, and the channel says why") {
    ScriptedCore core("is_dropped");
    const Array call = core.expect("call");
    core.send({"credit", channel_of(call, "items"), 1});
    core.expect("item");
    core.send({"drop", channel_of(call, "items")});
    CHECK(reported(core) == Value(Array{"cancelled", true}));
}

// -- events -----------------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------------

TEST_CASE("a subscription that goes out of scope is ended") {
    ScriptedCore core("listens_for_a_while");
    CHECK(core.expect_subscription() == "1notes/");
    core.send({"listening", "notes/"});
    CHECK(reported(core) == Value("listening"));
    CHECK(reported(core) == Value("not any more"));
    CHECK(core.expect_subscription() == "0notes/");
}

TEST_CASE("a handler may close its own subscription") {
    ScriptedCore core("closes_in_its_handler");
    CHECK(core.expect_subscription() == "1notes/changed|");
    core.send({"listening", "notes/changed|"});
    CHECK(reported(core) == Value("listening"));
    core.emit("notes/changed", 1);
    CHECK(reported(core) == Value(1));
    CHECK(left(core) == 0);
}

TEST_CASE(
    "what the handler of an event throws comes out of run; what leaves the worker's body ends it with its words") {
    ScriptedCore core("throws_in_a_handler");
    CHECK(core.expect_subscription() == "1notes/changed|");
    core.send({"listening", "notes/changed|"});
    CHECK(reported(core) == Value("listening"));
    core.emit("notes/changed", nullptr);
    CHECK(reported(core) == Value("not that one"));
    CHECK(left(core) == 1);
    CHECK(core.process().words().find("and now for good") != std::string::npos);
}

TEST_CASE("events are emitted with their payload, and refused where the grants do not have them") {
    ScriptedCore core("emits");
    CHECK(core.expect_emit() == std::pair<std::string, Value>("notes/changed", Map{{"name", "todo"}, {"stars", 1}}));
    CHECK(core.expect_emit() == std::pair<std::string, Value>("notes/bytes", Bytes{std::byte{'x'}, std::byte{'y'}}));
    CHECK(reported(core) == Value("not_allowed"));
    CHECK(core.expect("bye").at(1).at("emitted") == Value(2));
}

// -- answering --------------------------------------------------------------------------------------------------------
// ---------------------------------------------------------------------------------------------------------

TEST_CASE("a handler gets its arguments as the types of its parameters, and whoever calls it wrong learns where") {
    ScriptedCore core("answers");
    core.expect("ready");
    CHECK(answer_to(core, 1, "sum", {{"one", 1}, {"other", 2}}) == Array{"result", 1, 3});
    CHECK(answer_to(core, 2, "sum", {{"one", 1}}) == Array{"result", 2, 101});

    const auto wrong = [&](std::uint64_t id, const Map& arguments) {
        const Array answer = answer_to(core, id, "sum", arguments);
        CHECK(answer.at(2).at("code") == Value("invalid_args"));
        return answer.at(2).at("data").at("path");
    };
    CHECK(wrong(3, {}) == Value("one"));
    CHECK(wrong(4, {{"one", "1"}}) == Value("one"));
    CHECK(wrong(5, {{"one", 1}, {"more", 2}}) == Value("more"));

    CHECK(answer_to(core, 6, "view", {{"text", "a view of what lives long enough"}}) ==
          Array{"result", 6, "a view of what lives long enough!"});
    CHECK(answer_to(core, 7, "who", {{"any", 1}}) == Array{"result", 7, Array{"core", "who", Map{{"any", 1}}}});
    CHECK(answer_to(core, 8, "nothing", {}) == Array{"result", 8, nullptr});
    core.send({"stop", Map{{"grace", 1000}}});
    CHECK(left(core) == 0);
}

TEST_CASE("what a handler throws is its answer, and only what is meant for the caller reaches it") {
    ScriptedCore core("answers");
    core.expect("ready");
    CHECK(answer_to(core, 1, "locked", {}).at(2) ==
          Value(Map{{"code", "notes.locked"}, {"message", "by somebody"}, {"data", Map{{"by", "x"}}}}));
    const Array broken = answer_to(core, 2, "broken", {});
    CHECK(broken.at(2).at("code") == Value("failed"));
    CHECK(broken.at(2).at("message").as<std::string>().find("secret") == std::string::npos);
    CHECK(answer_to(core, 3, "odd", {}).at(2).at("code") == Value("failed"));
    CHECK(answer_to(core, 4, "unsayable", {}).at(2).at("code") == Value("failed"));
    core.send({"stop", Map{{"grace", 1000}}});
    CHECK(left(core) == 0);
    CHECK(core.process().words().find("the handler of broken threw: a secret of this worker") != std::string::npos);
}

TEST_CASE("a handler yields until nobody wants more, and takes channels as parameters") {
    ScriptedCore core("answers_with_streams");
    core.expect("ready");
    const auto channel = [](int id, const char* to, const char* name) {
        return Map{{"caller", "core"}, {"channels", Map{{name, Map{{"id", id}, {"to", to}, {"credit", 1}}}}}};
    };
    core.send({"call", 1, "sum", Map{}, channel(2, "callee", "items")});
    core.send({"item", 2, 3});
    core.send({"item", 2, 4});
    core.send({"end", 2});
    CHECK(core.expect("result") == Array{"result", 1, 7});

    core.send({"call", 2, "copy", Map{}, channel(4, "caller", "back")});
    CHECK(core.expect("item") == Array{"item", 4, "one"});
    // The handler has left the end of its channel to the library, which may say it on either side of the result.
    Array behind{core.next(), core.next()};
    std::sort(behind.begin(), behind.end(), [](const Value& one, const Value& other) {
        return one.at(0).as<std::string>() < other.at(0).as<std::string>();
    });
    CHECK(behind == Array{Array{"end", 4}, Array{"result", 2, nullptr}});

    core.send({"call", 3, "count", Map{{"n", 100}}, channel(6, "caller", "yield")});
    CHECK(core.expect("item") == Array{"item", 6, 0});
    core.send({"drop", 6});
    CHECK(core.expect("result") == Array{"result", 3, nullptr});
    core.send({"stop", Map{{"grace", 1000}}});
    CHECK(reported(core) == Value(false));
    CHECK(left(core) == 0);
}

// -- the end ----------------------------------------------------------------------------------------------------------
// -----------------------------------------------------------------------------------------------------------

TEST_CASE("a worker that is asked to stop takes its leave, and exits with 0") {
    ScriptedCore core("runs");
    core.expect("ready");
    core.send({"stop", Map{{"grace", 1000}}});
    CHECK(left(core) == 0);
}

TEST_CASE("the end of the lifeline is the end of the process, whatever it waits for, and 0") {
    for (const char* worker : {"runs", "waits_for_an_answer"}) {
        CAPTURE(worker);
        ScriptedCore core(worker);
        (void)core.next();
        core.process().end_lifeline();
        CHECK(core.process().status() == 0);
    }
}

TEST_CASE("a worker that asked for it sees the end of the lifeline as an exception") {
    ScriptedCore core("throws_when_stopped");
    core.expect("ready");
    core.process().end_lifeline();
    CHECK(core.process().status() == 40);
}

TEST_CASE("a core that vanishes ends the worker with 1, also out of a handler") {
    {
        ScriptedCore core("waits_for_an_answer");
        core.expect_call("slow");
        core.vanish();
        CHECK(core.process().status() == 1);
        CHECK_FALSE(core.process().words().empty());
    }
    ScriptedCore core("throws_ended_out_of_a_handler");
    core.expect("ready");
    core.send({"call", 1, "wait", Map{}, Map{{"caller", "core"}}});
    core.expect_call("slow");
    core.vanish();
    CHECK(core.process().status() == 1);
}

TEST_CASE("a core that breaks the protocol ends the worker with 70") {
    ScriptedCore core("runs");
    core.expect("ready");
    core.send({"no such verb"});
    CHECK(core.process().status() == 70);
    CHECK_FALSE(core.process().words().empty());
}

TEST_CASE("a worker that nobody started says so in two lines, and exits with 2") {
    testing::Process process("runs", {});
    process.end_lifeline();
    CHECK(process.status() == 2);
    CHECK(std::count(process.words().begin(), process.words().end(), '\n') == 2);
}

// -- memory -----------------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------------

// Takes a minute, so it has a test of its own: see CMakeLists.txt.
TEST_CASE("a million calls leave the memory of a worker as it was" * doctest::test_suite("long")) {
    ScriptedCore core("calls_very_often");
    const Array call = core.echo_until("report");
    const Value& seen = call.at(3).at("seen");
    core.answer(call.at(1), nullptr);
    CAPTURE(seen);
    const auto before = seen.at(0).as<std::int64_t>();
    const auto after = seen.at(1).as<std::int64_t>();
    CHECK(after - before < 256);  // pages: a megabyte, where one byte lost per call would be as much
    CHECK(left(core) == 0);
}
