#include <iostream>
#include <stockade.hpp>

int main() {
    return stockade::run_worker([](stockade::Core& core) {
        const auto note = core.invoke<std::string>("notes.read", {{"name", "notes/todo"}});
        std::cout << note << std::endl;
        const auto changed =
            core.listen("notes/changed", [](const stockade::Event& event) { std::cout << event.payload; });
        core.run();  // until the supervisor asks to stop
    });
}
