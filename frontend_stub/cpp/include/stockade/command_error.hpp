/// The answer that is no result, and the end of a conversation.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "stockade/convert.hpp"
#include "stockade/error.hpp"
#include "stockade/value.hpp"

namespace stockade {

/// The protocol's codes of errors (section 5). An application's own contain a dot: `notes.locked`.
namespace code {
/// Policy refuses it, or it does not exist and this worker may not know. Asking again does not help.
inline constexpr std::string_view not_allowed = "not_allowed";
/// This worker may have it, but there is none.
inline constexpr std::string_view not_found = "not_found";
/// The arguments do not fit the command; `path` in the error's data says where.
inline constexpr std::string_view invalid_args = "invalid_args";
/// The command raised; `reference` in the error's data finds the reason in the core's log.
inline constexpr std::string_view failed = "failed";
/// Nobody waits for the call any more: this worker, its caller's caller or the core has cancelled it.
inline constexpr std::string_view cancelled = "cancelled";
/// No answer came within the time given. The command was cancelled, and may have run all the same.
inline constexpr std::string_view deadline_exceeded = "deadline_exceeded";
/// Too many at once. It never ran: trying again is safe, and calls do so by themselves unless told not to wait.
inline constexpr std::string_view busy = "busy";
/// Nobody can answer now: the core is stopping, or the worker that ran it has gone.
inline constexpr std::string_view unavailable = "unavailable";
/// A message, a result or an item over the core's limit; a channel carries any amount.
inline constexpr std::string_view too_large = "too_large";
/// The call's message is malformed: the name of a command that has no or more than 128 characters.
inline constexpr std::string_view bad_message = "bad_message";
/// A bug of the core.
inline constexpr std::string_view internal = "internal";
}  // namespace code

/// A call's answer when it is no result, this library's own refusal of what the core would refuse, and what a handler
/// throws to answer so.
class CommandError : public Error {
  public:
    /// `code` is one of the protocol's, or one of the application's own; `message` is for people, `data` for programs.
    CommandError(std::string code, std::string message, Value data = {})
        : Error(message.empty() ? code : code + ": " + message),
          parts_(std::make_shared<const Parts>(Parts{std::move(code), std::move(message), std::move(data)})) {}
    CommandError(std::string_view code, std::string message, Value data = {})
        : CommandError(std::string(code), std::move(message), std::move(data)) {}
    CommandError(const char* code, std::string message, Value data = {})
        : CommandError(std::string(code), std::move(message), std::move(data)) {}

    [[nodiscard]] const std::string& code() const noexcept { return parts_->code; }
    [[nodiscard]] const std::string& message() const noexcept { return parts_->message; }
    /// Null if there is none.
    [[nodiscard]] const Value& data() const noexcept { return parts_->data; }
    [[nodiscard]] bool is(std::string_view code) const noexcept { return parts_->code == code; }

  private:
    struct Parts {
        std::string code;
        std::string message;
        Value data;
    };
    // Shared, since copying an exception must not throw.
    std::shared_ptr<const Parts> parts_;
};

/// The conversation is over, and the process should be: nothing more can be said on a link, and the supervisor starts
/// the worker again where its configuration says so. Let it pass; `stockade::worker` turns it into the exit status.
class Ended : public std::exception {
  public:
    Ended(int status, std::string reason)
        : status_(status), reason_(std::make_shared<const std::string>(std::move(reason))) {}

    /// The exit status: 0 the lifeline has ended, 1 the core has gone, refuses this worker or says that it broke the
    /// protocol, 2 no supervisor started it, 70 the core broke the protocol.
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const std::string& reason() const noexcept { return *reason_; }
    [[nodiscard]] const char* what() const noexcept override { return reason_->c_str(); }

  private:
    int status_;
    std::shared_ptr<const std::string> reason_;
};

}  // namespace stockade
