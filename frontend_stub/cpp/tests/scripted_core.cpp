#include "scripted_core.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace testing {

namespace {

constexpr int patience = 10'000;  // milliseconds
const std::string secret(64, 'a');

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what);
}

void checked(int result, const char* what) {
    if (result < 0) {
        fail(std::string(what) + ": " + zmq_strerror(zmq_errno()));
    }
}

Bytes text_bytes(const std::string& text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

std::string read_all(int file) {
    std::string all;
    std::array<char, 4096> piece{};
    for (;;) {
        const ssize_t size = read(file, piece.data(), piece.size());
        if (size <= 0) {
            return all;
        }
        all.append(piece.data(), static_cast<std::size_t>(size));
    }
}

/// All frames of the message that is there, or comes in time.
std::vector<Bytes> receive_all(void* socket, int timeout) {
    zmq_pollitem_t item{socket, 0, ZMQ_POLLIN, 0};
    std::vector<Bytes> frames;
    if (zmq_poll(&item, 1, timeout) <= 0) {
        return frames;
    }
    int more = 1;
    while (more != 0) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        checked(zmq_msg_recv(&message, socket, 0), "receive");
        const auto* data = static_cast<const std::byte*>(zmq_msg_data(&message));
        frames.emplace_back(data, data + zmq_msg_size(&message));
        more = zmq_msg_more(&message);
        zmq_msg_close(&message);
    }
    return frames;
}

void send_all(void* socket, const std::vector<Bytes>& frames) {
    for (std::size_t at = 0; at < frames.size(); ++at) {
        const int flags = at + 1 < frames.size() ? ZMQ_SNDMORE : 0;
        checked(zmq_send(socket, frames[at].data(), frames[at].size(), flags), "send");
    }
}

const Map usual_limits{{"message", 4 << 20}, {"event", 1 << 20}, {"batch", 1024},  {"calls", 256},
                       {"topics", 256},      {"depth", 32},      {"channels", 64}, {"frames", 63}};

}  // namespace

// -- Process ----------------------------------------------------------------------------------------------------------
// -----------------------------------------------------------------------------------------------------------

Process::Process(const std::string& worker, const std::vector<std::string>& environment) {
    std::array<int, 2> input{};
    std::array<int, 2> errors{};
    if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(errors.data(), O_CLOEXEC) != 0) {
        fail("pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);

    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    std::vector<std::string> words{program, "--worker", worker};
    std::vector<std::string> variables = environment;
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (std::string& text : texts) {
            all.push_back(text.data());
        }
        all.push_back(nullptr);
        return all;
    };
    const int failed =
        posix_spawn(&pid_, program.c_str(), &actions, nullptr, pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(input[0]);
    ::close(errors[1]);
    lifeline_ = input[1];
    errors_ = errors[0];
    if (failed != 0) {
        fail("spawn");
    }
}

Process::~Process() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        (void)status();
    }
    end_lifeline();
    ::close(errors_);
}

void Process::tell(const std::string& line) const {
    if (write(lifeline_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        fail("write to the worker");
    }
}

void Process::end_lifeline() {
    if (lifeline_ >= 0) {
        ::close(std::exchange(lifeline_, -1));
    }
}

int Process::status() {
    words_ = read_all(errors_);  // to its end, which is the process's
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// -- Gate -------------------------------------------------------------------------------------------------------------
// --------------------------------------------------------------------------------------------------------------

Gate::Gate(void* context, std::string name, std::string secret_of_it) {
    Socket asked_at(zmq_socket(context, ZMQ_REP), &zmq_close);
    checked(zmq_bind(asked_at.get(), "inproc://zeromq.zap.01"), "bind the gate");
    thread_ = std::thread([this, gate = std::move(asked_at), name = text_bytes(name), word = text_bytes(secret_of_it)] {
        while (!over_) {
            const auto asked = receive_all(gate.get(), 20);
            if (asked.empty()) {
                continue;
            }
            // version, id, domain, address, identity, mechanism, name, password
            const bool right = asked.size() == 8 && asked[6] == name && asked[7] == word;
            send_all(gate.get(), {asked.at(0), asked.at(1), text_bytes(right ? "200" : "400"), {}, {}, {}});
        }
    });
}

Gate::~Gate() {
    over_ = true;
    thread_.join();
}

// -- ScriptedCore -----------------------------------------------------------------------------------------------------
// ------------------------------------------------------------------------------------------------------

ScriptedCore::ScriptedCore(const std::string& worker, const Map& limits)
    : context_(zmq_ctx_new(), &zmq_ctx_term),
      gate_(context_.get(), "editor@3", secret),
      commands_(nullptr, &zmq_close),
      events_(nullptr, &zmq_close),
      emits_(nullptr, &zmq_close) {
    std::string pattern = std::filesystem::temp_directory_path() / "stockade-cpp-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    std::vector<std::string> environment{"STOCKADE_PROTOCOL=1", "STOCKADE_WORKER=editor", "STOCKADE_GENERATION=3",
                                         "STOCKADE_CORE_PID=" + std::to_string(getpid()),
                                         "STOCKADE_SOCKETS=ipc://" + folder_};
    for (const char* kept : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"}) {
        if (const char* value = std::getenv(kept)) {
            environment.push_back(std::string(kept) + "=" + value);
        }
    }
    process_ = std::make_unique<Process>(worker, environment);
    process_->tell(secret + "\n");
    commands_ = connected(ZMQ_ROUTER, "commands");
    events_ = connected(ZMQ_XPUB, "events");
    emits_ = connected(ZMQ_SUB, "emits");
    checked(zmq_setsockopt(emits_.get(), ZMQ_SUBSCRIBE, "", 0), "subscribe");

    hello_ = expect("hello");
    Map all = usual_limits;
    for (const auto& [name, limit] : limits) {
        all[name] = limit;
    }
    const Map everything{{"allow", Array{"**"}}, {"deny", Array{"denied/**", "denied.**"}}};
    send({"welcome", Map{{"protocol", 1},
                         {"worker", "editor"},
                         {"generation", 3},
                         {"core", "0.0.0"},
                         {"limits", std::move(all)},
                         {"grants", Map{{"commands", everything}, {"listen", everything}, {"emit", everything}}}}});
}

ScriptedCore::~ScriptedCore() {
    vanish();
    process_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Socket ScriptedCore::connected(int kind, const std::string& name) {
    const std::string path = folder_ + "/" + name;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience);
    while (access(path.c_str(), F_OK) != 0) {
        if (std::chrono::steady_clock::now() > until) {
            fail("the worker does not bind " + name);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    Socket socket(zmq_socket(context_.get(), kind), &zmq_close);
    const int server = 1;
    const int linger = 0;
    checked(zmq_setsockopt(socket.get(), ZMQ_PLAIN_SERVER, &server, sizeof server), "server");
    checked(zmq_setsockopt(socket.get(), ZMQ_ZAP_DOMAIN, "test", 4), "domain");
    checked(zmq_setsockopt(socket.get(), ZMQ_LINGER, &linger, sizeof linger), "linger");
    checked(zmq_connect(socket.get(), ("ipc://" + path).c_str()), "connect");
    return socket;
}

Array ScriptedCore::next() {
    if (taken_ == waiting_.size()) {
        frames_ = receive_all(commands_.get(), patience);
        if (frames_.size() < 2) {
            fail("the worker says nothing");
        }
        peer_ = std::move(frames_.front());
        frames_.erase(frames_.begin());
        waiting_ = stockade::decode(frames_.front()).as<Array>();
        taken_ = 0;
    }
    return waiting_.at(taken_++).as<Array>();
}

Array ScriptedCore::expect(const std::string& verb) {
    for (;;) {
        Array message = next();
        const auto said = message.at(0).as<std::string>();
        if (said == verb) {
            return message;
        }
        if (said == "ping") {
            send({"pong", message.at(1)});
        } else if (said != "ready" && said != "credit") {
            std::string words;
            for (const Value& part : message) {
                std::ostringstream out;
                out << part << ' ';
                words += out.str();
            }
            fail(verb + " is expected, this came: " + words);
        }
    }
}

Value ScriptedCore::expect_call(const std::string& command) {
    const Array call = expect("call");
    if (call.at(2) != Value(command)) {
        fail(command + " is expected, " + call.at(2).as<std::string>() + " was called");
    }
    return call.at(1);
}

void ScriptedCore::send(const Array& message) {
    send_all(commands_.get(), {peer_, stockade::encode(Array{message})});
}

Array ScriptedCore::echo_until(const std::string& command) {
    for (;;) {
        Array answers;
        do {
            Array message = next();
            if (message.at(0).as<std::string>() != "call") {
                continue;
            }
            if (message.at(2).as<std::string>() == command) {
                return message;
            }
            answers.push_back(Array{"result", message.at(1), message.at(3).at("value")});
        } while (taken_ < waiting_.size());
        if (!answers.empty()) {
            send_all(commands_.get(), {peer_, stockade::encode(answers)});
        }
    }
}

std::string ScriptedCore::expect_subscription() {
    const Bytes frame = receive(events_.get(), "a subscription");
    const auto* data = reinterpret_cast<const char*>(frame.data());
    return (data[0] == 1 ? "1" : "0") + std::string(data + 1, frame.size() - 1);
}

void ScriptedCore::emit(const std::string& name, const Value& payload) {
    Bytes frame = text_bytes(name + "|");
    const Bytes body = stockade::encode(Array{++sent_events_, "core", payload});
    frame.insert(frame.end(), body.begin(), body.end());
    send_all(events_.get(), {frame});
}

std::pair<std::string, Value> ScriptedCore::expect_emit() {
    const Bytes frame = receive(emits_.get(), "an emit");
    const auto* data = reinterpret_cast<const char*>(frame.data());
    const std::string all(data, frame.size());
    const std::size_t bar = all.find('|');
    const Value body = stockade::decode({data + bar + 1, frame.size() - bar - 1});
    return {all.substr(0, bar), body.at(1)};
}

Bytes ScriptedCore::receive(void* socket, const char* what) {
    auto frames = receive_all(socket, patience);
    if (frames.empty()) {
        fail(std::string(what) + " is expected, nothing came");
    }
    return std::move(frames.front());
}

void ScriptedCore::expect_bye() {
    const Array bye = expect("bye");
    send({"bye", bye.at(1)});
}

void ScriptedCore::vanish() {
    commands_.reset();
    events_.reset();
    emits_.reset();
}

}  // namespace testing
