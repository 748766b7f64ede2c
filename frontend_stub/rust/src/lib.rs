//! What a Rust worker of a Stockade application uses: it reads what the supervisor gave the process, lets the core
//! connect, and turns the protocol into verbs.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use stockade_frontend::{args, worker};
//!
//! fn main() -> ExitCode {
//!     worker(|core| {
//!         println!("{}", core.invoke::<String>("notes.read", args! { name: "todo" })?);
//!         core.run()?; // until the supervisor asks to stop
//!         Ok(())
//!     })
//! }
//! ```
//!
//! A connection belongs to one thread, and waits where it has to: no runtime, no other threads but those of `ZeroMQ`.
//! Arguments, results and payloads are whatever serde can take apart and put together; [`Value`] is any of them.

mod args;
mod call;
mod calls;
mod channel;
mod channels;
mod connection;
mod core;
mod de;
mod endpoint;
mod error;
mod event;
mod grant;
mod handled;
mod handling;
mod link;
mod message;
mod outbox;
mod pace;
mod place;
mod ser;
mod session;
mod value;
mod wire;

#[cfg(test)]
mod tests;

/// The examples of the README are compiled with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::args::Args;
pub use crate::call::{Call, Options};
pub use crate::channel::{Channel, Items, ReceiveChannel, SendChannel, Stream};
pub use crate::core::{Connector, Core, Subscription, connect, worker};
pub use crate::de::from_value;
pub use crate::error::{
    BoxError, CommandError, EncodeError, EndKind, Ended, Error, Result, UnfitError, code,
};
pub use crate::event::Event;
pub use crate::grant::{Grant, Grants};
pub use crate::handled::Export;
pub use crate::handling::Handling;
pub use crate::message::Limits;
pub use crate::ser::to_value;
pub use crate::value::{Bytes, Map, Value};

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u64 = message::PROTOCOL;
