// The worker: a process of its own that shares nothing with the core, and can do no more than ask it.
#include <iostream>
#include <stockade.hpp>
#include <string>

int main() {
    return stockade::run_worker([](stockade::Core& core) {
        const auto listening = core.listen("guests/signed", [](const stockade::Event& event) {
            std::cout << event.payload.at("name").as<std::string>() << " has signed" << std::endl;
        });
        core.ready();
        std::cout << "guests: " << core.invoke<int>("guests.sign", {{"name", "@@label"}}) << std::endl;
        try {
            core.invoke("guests.clear");
        } catch (const stockade::CommandError& refusal) {
            std::cout << "refused: " << refusal.code() << std::endl;
        }
        core.run();  // handles events until the supervisor asks to stop
    });
}
