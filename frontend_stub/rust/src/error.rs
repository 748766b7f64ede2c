//! What can go wrong in a worker, and whose doing it is. Knows no socket.

use std::borrow::Cow;
use std::fmt;
use std::process::ExitCode;

use crate::value::{Map, Value};

/// What everything here fails with.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error at all, as the handlers of exported commands may return it: `?` works on everything.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The codes of the protocol (section 5). An application's own contain a dot, as `notes.locked` does.
pub mod code {
    /// Policy refuses it, or it does not exist and this worker may not know. Asking again does not help.
    pub const NOT_ALLOWED: &str = "not_allowed";
    /// This worker may have it, but there is none.
    pub const NOT_FOUND: &str = "not_found";
    /// The arguments do not fit the command; `data.path` says where.
    pub const INVALID_ARGS: &str = "invalid_args";
    /// The command raised; `data.reference` finds the reason in the log of whoever ran it.
    pub const FAILED: &str = "failed";
    /// Nobody waits for it any more.
    pub const CANCELLED: &str = "cancelled";
    /// No answer came within the time given. The command may have run all the same.
    pub const DEADLINE_EXCEEDED: &str = "deadline_exceeded";
    /// Too many at once. It never ran, so trying again is safe; calls do so by themselves, unless told not to wait.
    pub const BUSY: &str = "busy";
    /// Nobody can answer now: the core is stopping, or the worker that ran it has gone.
    pub const UNAVAILABLE: &str = "unavailable";
    /// A message or a result over `limits.message` bytes; what is larger goes through a channel.
    pub const TOO_LARGE: &str = "too_large";
    /// The call's message is malformed: a command's name of no or more than 128 characters.
    pub const BAD_MESSAGE: &str = "bad_message";
    /// A bug of the core.
    pub const INTERNAL: &str = "internal";
}

/// Everything that can go wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The core's answer to a call when it is no result, or this crate's own refusal of what the core would refuse.
    Command(CommandError),
    /// The worker's: a value that cannot be sent.
    Encode(EncodeError),
    /// A value that came is not of the type that was asked for.
    Unfit(UnfitError),
    /// The worker's: something that cannot be done, at all or now; the text says why.
    Misuse(Cow<'static, str>),
    /// The worker's: what the handler of an event has returned.
    Handler(BoxError),
    /// The worker's: the connection has been closed.
    Closed,
    /// The conversation is over, and the process should be: return from `main` with [`Error::exit_code`].
    Ended(Ended),
}

impl Error {
    /// Whether this is an answer, or a refusal, with this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Command(error) if error.code == code)
    }

    /// What the process that ends with this error exits with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if let Self::Ended(ended) = self { ExitCode::from(ended.status()) } else { ExitCode::FAILURE }
    }

    /// What a handler has returned: itself, if it is one of these.
    pub(crate) fn of_handler(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => match error.downcast::<CommandError>() {
                Ok(error) => Self::Command(*error),
                Err(error) => Self::Handler(error),
            },
        }
    }

    pub(crate) fn command(code: &'static str, message: impl Into<String>) -> Self {
        Self::Command(CommandError::new(code, message))
    }

    pub(crate) fn misuse(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Misuse(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(error) => error.fmt(formatter),
            Self::Encode(error) => error.fmt(formatter),
            Self::Unfit(error) => error.fmt(formatter),
            Self::Misuse(reason) => formatter.write_str(reason),
            Self::Handler(error) => error.fmt(formatter),
            Self::Closed => formatter.write_str("this connection has been closed"),
            Self::Ended(ended) => ended.fmt(formatter),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Handler(error) = self { error.source() } else { None }
    }
}

macro_rules! from {
    ($($variant:ident($kind:ty)),*) => {$(
        impl From<$kind> for Error {
            fn from(error: $kind) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from!(Command(CommandError), Encode(EncodeError), Unfit(UnfitError), Ended(Ended));

/// An answer that is no result: a code that programs may rely on, words for people, and data.
///
/// A handler of an exported command that returns one answers with it.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandError {
    /// One of [`code`], or an application's own, which contains a dot.
    pub code: Cow<'static, str>,
    /// Words for people.
    pub message: String,
    /// For programs: any value, [`Value::Null`] if there is none.
    pub data: Value,
}

impl CommandError {
    /// An error of this code, without data.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), data: Value::Null }
    }

    /// The same with data.
    #[must_use]
    pub fn with_data(self, data: impl Into<Value>) -> Self {
        Self { data: data.into(), ..self }
    }

    /// Whether it has this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// An argument, or something in it, that does not fit.
    pub(crate) fn invalid(path: &str, reason: impl fmt::Display) -> Self {
        Self::new(code::INVALID_ARGS, format!("{path}: {reason}"))
            .with_data(Map::from([("path".to_owned(), path.into())]))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.message) }
    }
}

impl std::error::Error for CommandError {}

/// A value that cannot be sent, and where in it the reason stands: `name[3].size`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    reason: Cow<'static, str>,
    path: String,
}

impl EncodeError {
    pub(crate) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), path: String::new() }
    }

    /// Where in the value it stands; empty for the value itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn under(self, key: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{key}{joint}{}", self.path), ..self }
    }

    pub(crate) fn at(self, index: usize) -> Self {
        self.under(&format!("[{index}]"))
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            formatter.write_str(&self.reason)
        } else {
            write!(formatter, "{}: {}", self.path, self.reason)
        }
    }
}

impl std::error::Error for EncodeError {}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// A value that is not of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfitError {
    reason: String,
}

impl UnfitError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for UnfitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for UnfitError {}

impl serde::de::Error for UnfitError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// How a conversation can end that nobody has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndKind {
    /// No supervisor started this process: what one gives to a worker is missing, or makes no sense.
    StartedByHand,
    /// The lifeline has ended: the supervisor wants this process to end now, or has gone.
    Stopped,
    /// The core has closed a connection without taking leave, or has gone.
    ConnectionLost,
    /// The core did not accept the hello.
    Refused,
    /// The core says that this worker broke the protocol; the process is killed in a moment.
    Breached,
    /// The core broke the protocol, so nothing that it says can be relied on.
    CoreBroken,
}

/// The conversation is over, and the process should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    kind: EndKind,
    reason: String,
}

impl Ended {
    pub(crate) fn new(kind: EndKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }

    /// The core broke the protocol.
    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self::new(EndKind::CoreBroken, reason)
    }

    /// How.
    #[must_use]
    pub fn kind(&self) -> EndKind {
        self.kind
    }

    /// What the process exits with: 0 if it was stopped, 2 if it was started by hand, 70 if the core broke the
    /// protocol, else 1.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.kind {
            EndKind::Stopped => 0,
            EndKind::ConnectionLost | EndKind::Refused | EndKind::Breached => 1,
            EndKind::StartedByHand => 2,
            EndKind::CoreBroken => 70,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for Ended {}
