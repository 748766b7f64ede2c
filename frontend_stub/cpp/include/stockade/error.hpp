/// What can go wrong in a worker, and whose doing it is.
///
///     std::runtime_error
///     └── Error
///         ├── CommandError     the core's answer: a code, words for people, data for programs (command_error.hpp)
///         ├── ConversionError  a value is not what the program takes it for; `path` says where
///         ├── EncodeError      the worker's: a value that cannot be sent; `path` says where
///         └── Misuse           the worker's: called at a time, or in a thread, that cannot be
///
///     std::exception
///     └── Ended                the conversation is over, and the process should be: `status` is its exit status
///
/// `Ended` is no `Error`, so that a program that goes on after errors does not go on after this.
#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace stockade {

/// The root of everything that this library throws for a program to handle.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A value has another type or size than the program asked for; `path` says where in it: `notes[3].size`, or nothing
/// for the value itself.
class ConversionError : public Error {
  public:
    explicit ConversionError(const std::string& reason, const std::string& path = {})
        : Error(path.empty() ? reason : path + ": " + reason),
          parts_(std::make_shared<const std::pair<std::string, std::string>>(reason, path)) {}

    [[nodiscard]] const std::string& reason() const noexcept { return parts_->first; }
    [[nodiscard]] const std::string& path() const noexcept { return parts_->second; }

    /// The same error, seen from what holds the value: `key` is a map's key, or a position in brackets.
    [[nodiscard]] ConversionError inside(const std::string& key) const {
        const bool joined = path().empty() || path().front() == '[';
        return ConversionError(reason(), joined ? key + path() : key + "." + path());
    }

  private:
    // Shared, as in CommandError: copying an exception must not throw.
    std::shared_ptr<const std::pair<std::string, std::string>> parts_;
};

/// A value that the protocol cannot say (section 4), such as an integer above 2^63 - 1: the worker's own fault.
class EncodeError : public Error {
  public:
    using Error::Error;
};

/// Used at a time or in a way that cannot be: a channel that is passed to no call, another thread, a closed core.
class Misuse : public Error {
  public:
    using Error::Error;
};

}  // namespace stockade
