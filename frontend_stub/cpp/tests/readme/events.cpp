#include <chrono>
#include <iostream>
#include <stockade.hpp>

void watch(stockade::Core& core) {
    const auto all =
        core.listen("notes/", [](const stockade::Event& event) { std::cout << event.name << event.payload; });
    const auto first = core.once("core:worker/ready", [](const stockade::Event& event) { std::cout << event.source; });
    core.ready();
    while (!core.stopping()) {
        core.emit("editor/idle", stockade::Map{{"missed", core.missed()}});  // a third argument: for one worker alone
        core.poll(std::chrono::seconds(1));
    }
}
