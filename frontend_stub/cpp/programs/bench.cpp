// The worker that the benchmark of all languages leads: it times calls through this stub, and beside them a bare
// DEALER.
#include <zmq.h>
#include <stockade.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using stockade::Array;
using stockade::Core;
using stockade::Map;
using stockade::Value;

std::int64_t since(Clock::time_point began) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - began).count();
}

/// The nanoseconds of each of so many runs of `once`.
template <class Once>
Value timed(std::size_t count, Once once) {
    std::vector<std::int64_t> taken(count);
    for (std::int64_t& each : taken) {
        const auto began = Clock::now();
        once();
        each = since(began);
    }
    return Map{{"ns", taken}};
}

/// A DEALER with nothing around it.
class Floor {
  public:
    Floor() : context_(zmq_ctx_new(), &zmq_ctx_term), socket_(zmq_socket(context_.get(), ZMQ_DEALER), &zmq_close) {
        const char* endpoint = std::getenv("BENCH_FLOOR");
        const int linger = 0;
        zmq_setsockopt(socket_.get(), ZMQ_LINGER, &linger, sizeof linger);
        if (endpoint == nullptr || zmq_connect(socket_.get(), endpoint) != 0) {
            throw std::runtime_error("BENCH_FLOOR is no endpoint that one can connect to");
        }
    }

    void round_trip() {
        char frame[24] = {};
        if (zmq_send(socket_.get(), frame, sizeof frame, 0) < 0 ||
            zmq_recv(socket_.get(), frame, sizeof frame, 0) < 0) {
            throw std::runtime_error(zmq_strerror(zmq_errno()));
        }
    }

  private:
    std::unique_ptr<void, int (*)(void*)> context_;
    std::unique_ptr<void, int (*)(void*)> socket_;
};

void echo(Core& core) {
    core.invoke<void>("bench.echo", {{"value", 1}});
}

Value pipelined(Core& core, std::size_t count, std::size_t window) {
    std::deque<stockade::Call<void>> in_flight;
    const auto began = Clock::now();
    for (std::size_t begun = 0; begun < count; ++begun) {
        if (in_flight.size() == window) {
            in_flight.front().result();
            in_flight.pop_front();
        }
        in_flight.push_back(core.call<void>("bench.echo", {{"value", 1}}));
    }
    for (auto& call : in_flight) {
        call.result();
    }
    return Map{{"ns", since(began)}};
}

Value done(Core& core, const std::string& task, const Map& with) {
    const auto count = [&] { return with.at("count").as<std::size_t>(); };
    if (task == "stub") {
        return timed(count(), [&] { echo(core); });
    }
    if (task == "floor") {
        Floor floor;
        return timed(count(), [&] { floor.round_trip(); });
    }
    if (task == "pipelined") {
        return pipelined(core, count(), with.at("window").as<std::size_t>());
    }
    return nullptr;  // a task that this program does not know
}

}  // namespace

int main() {
    return stockade::run_worker([](Core& core) {
        auto task = core.invoke<Map>("bench.next", {}, stockade::Options().forever());
        while (task.at("do") != Value("leave")) {
            const Value report = done(core, task.at("do").as<std::string>(), task);
            task = core.invoke<Map>("bench.next", {{"report", report}}, stockade::Options().forever());
        }
    });
}
