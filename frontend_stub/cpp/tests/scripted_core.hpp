// A core that says what a test tells it to, and the process of a worker with it: this program itself, started again.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "stockade.hpp"

namespace testing {

using stockade::Array;
using stockade::Bytes;
using stockade::Map;
using stockade::Value;

/// The workers of these tests, by name: what the program does when it is started as one. It returns the exit status.
using Workers = std::map<std::string, std::function<int()>>;
extern const Workers workers;

/// Frees a socket or context of libzmq.
using Context = std::unique_ptr<void, int (*)(void*)>;
using Socket = std::unique_ptr<void, int (*)(void*)>;

/// A worker's process, its lifeline, and what it has written.
class Process {
  public:
    Process(const std::string& worker, const std::vector<std::string>& environment);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    /// Write the secret to its standard input.
    void tell(const std::string& line) const;
    /// End its standard input.
    void end_lifeline();
    /// Wait for its end; 128 and the number of the signal if one ended it.
    int status();
    /// What stands on its standard error, once it has ended.
    [[nodiscard]] const std::string& words() const { return words_; }

  private:
    pid_t pid_ = -1;
    int lifeline_ = -1;
    int errors_ = -1;
    std::string words_;
};

/// Lets in who has the secret: libzmq asks it, in a thread of its own, whether a connection is to be.
class Gate {
  public:
    Gate(void* context, std::string name, std::string secret);
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate();

  private:
    std::atomic<bool> over_{false};
    std::thread thread_;
};

/// The far end of a worker's link. Whatever does not come in some seconds is an exception, and so is what is out of
/// turn.
class ScriptedCore {
  public:
    /// Starts this worker, lets it in, waits for its `hello` and welcomes it, with these limits beside the usual ones.
    explicit ScriptedCore(const std::string& worker, const Map& limits = {});
    ScriptedCore(const ScriptedCore&) = delete;
    ScriptedCore& operator=(const ScriptedCore&) = delete;
    ~ScriptedCore();

    /// The next message, which must be of this verb. `ping`s are answered, `ready` and `credit` are passed over unless
    /// they are asked for.
    Array expect(const std::string& verb);
    /// The next message, whatever it is.
    Array next();
    /// The raw frame of this index behind the batch that came last.
    [[nodiscard]] const Bytes& raw(std::size_t index) const { return frames_.at(index); }
    /// The next `call`, of this command; its id.
    Value expect_call(const std::string& command);
    void send(const Array& message);
    void answer(const Value& id, const Value& result) { send({"result", id, result}); }

    /// Answer each call with its argument `value`, until one of another command comes, which is returned.
    Array echo_until(const std::string& command);

    /// The next subscription: its topic, after a 1 or a 0.
    std::string expect_subscription();
    void emit(const std::string& name, const Value& payload);
    /// The next event that the worker emits: topic and payload.
    std::pair<std::string, Value> expect_emit();

    /// Take the worker's leave.
    void expect_bye();
    /// Close the link without a word.
    void vanish();
    Process& process() { return *process_; }
    const Array& hello() const { return hello_; }

  private:
    Socket connected(int kind, const std::string& name);
    Bytes receive(void* socket, const char* what);

    Context context_;
    Gate gate_;
    std::string folder_;
    std::unique_ptr<Process> process_;
    Socket commands_;
    Socket events_;
    Socket emits_;
    Bytes peer_;
    Array waiting_;
    std::size_t taken_ = 0;
    std::vector<Bytes> frames_;
    Array hello_;
    std::uint64_t sent_events_ = 0;
};

}  // namespace testing
