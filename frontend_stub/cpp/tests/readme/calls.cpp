#include <chrono>
#include <iostream>
#include <stockade.hpp>

using namespace std::chrono_literals;

void read_both(stockade::Core& core) {
    auto todo = core.call<std::string>("notes.read", {{"name", "notes/todo"}});
    auto done = core.call<std::string>("notes.read", {{"name", "notes/done"}});
    std::cout << todo.result() << done.result();

    try {
        core.invoke("notes.index", {}, stockade::Options().timeout(2s));  // forever(): as long as it takes
    } catch (const stockade::CommandError& error) {
        if (!error.is(stockade::code::deadline_exceeded)) {
            throw;
        }
    }
    if (auto count = core.try_invoke<int>("notes.count", {}, stockade::Options().wait(false))) {
        std::cout << count.value();
    } else {
        std::cout << "no count yet: " << count.error().what();
    }
}
