//! The call that is being handled, as its handler sees it. Knows no message.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::channel::{ReceiveChannel, SendChannel};
use crate::channels::EndKey;
use crate::connection::Connection;
use crate::error::{CommandError, Error, Result};
use crate::handled::Handled;
use crate::value::{Map, Value};

/// The call that is being handled: what was asked, and who asks.
///
/// Calls and emits of the handler belong to it: they have no more time than it has, are cancelled with it, and go on
/// with its trace.
#[derive(Debug)]
pub struct Handling {
    connection: Rc<Connection>,
    handled: Handled,
    /// The channels that the handler has not taken.
    ends: RefCell<Vec<(String, EndKey)>>,
}

impl Handling {
    pub(crate) fn new(connection: Rc<Connection>, mut handled: Handled) -> Self {
        let ends = RefCell::new(std::mem::take(&mut handled.ends));
        Self { connection, handled, ends }
    }

    pub(crate) fn id(&self) -> u64 {
        self.handled.id
    }

    /// The name that the command was called by.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.handled.command
    }

    /// Who asks: the label of a worker, or `core`.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.handled.caller
    }

    /// The W3C traceparent that it came with. Nested calls and emits go on with it by themselves.
    #[must_use]
    pub fn trace(&self) -> Option<&str> {
        self.handled.trace.as_deref()
    }

    /// What is left of its time; `None` if it has all the time.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.handled.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The arguments as they came.
    #[must_use]
    pub fn arguments(&self) -> &Map {
        &self.handled.arguments
    }

    /// All the arguments as a struct. What does not fit is the caller's fault, `invalid_args`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let arguments = Value::Map(self.handled.arguments.clone());
        crate::from_value(arguments).map_err(|error| CommandError::invalid("arguments", error).into())
    }

    /// Refuse arguments, channels among them, of any other name: they are the caller's fault, `invalid_args`.
    pub fn only(&self, names: &[&str]) -> Result<()> {
        let ends = self.ends.borrow();
        let mut given = self.handled.arguments.keys().chain(ends.iter().map(|(name, _)| name));
        match given.find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(CommandError::invalid(name, "there is no such argument").into()),
            None => Ok(()),
        }
    }

    /// One argument; it may be missing if it is an `Option`. What does not fit is the caller's fault, `invalid_args`.
    pub fn argument<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let argument = match self.handled.arguments.get(name) {
            Some(argument) => crate::from_value(argument.clone()),
            None => crate::de::from_nothing(),
        };
        argument.map_err(|error| CommandError::invalid(name, error).into())
    }

    /// The argument that is a channel to send on: its caller receives. It can be taken once.
    pub fn send_channel(&self, name: &str) -> Result<SendChannel> {
        Ok(SendChannel::new(Rc::clone(&self.connection), self.take(name, true)?))
    }

    /// The argument that is a channel to receive from: its caller sends. It can be taken once.
    pub fn receive_channel(&self, name: &str) -> Result<ReceiveChannel> {
        Ok(ReceiveChannel::new(Rc::clone(&self.connection), self.take(name, false)?))
    }

    fn take(&self, name: &str, is_sender: bool) -> Result<EndKey> {
        let mut ends = self.ends.borrow_mut();
        let found = ends.iter().position(|(argument, key)| {
            argument == name
                && self.connection.endpoint.session.borrow().channels.is_sender(*key) == is_sender
        });
        match found {
            Some(at) => Ok(ends.swap_remove(at).1),
            None if is_sender => {
                Err(CommandError::invalid(name, "a channel is wanted, to the caller").into())
            }
            None => Err(CommandError::invalid(name, "a channel is wanted, from the caller").into()),
        }
    }

    /// The stream that the caller wants of what the command yields.
    pub(crate) fn take_stream(&self) -> Option<SendChannel> {
        self.send_channel("yield").ok()
    }

    /// Whether nobody waits for it any more: its time is over, or its caller has gone. Looks at the sockets, so a long
    /// computation may ask now and then.
    pub fn cancelled(&self) -> Result<bool> {
        Ok(self.stopped(Duration::ZERO)?.is_some())
    }

    /// Fail if nobody waits for it any more; let that pass.
    pub fn check(&self) -> Result<()> {
        self.pause(Duration::ZERO)
    }

    /// Let this time pass, or as much of it as somebody waits for the answer: then fail.
    pub fn pause(&self, time: Duration) -> Result<()> {
        self.stopped(time)?.map_or(Ok(()), |error| Err(Error::Command(error)))
    }

    fn stopped(&self, time: Duration) -> Result<Option<CommandError>> {
        let end = Instant::now().checked_add(time);
        let stopped = || self.connection.endpoint.session.borrow().handled.stopped(self.handled.id).cloned();
        loop {
            if let Some(error) = stopped() {
                return Ok(Some(error));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            self.connection.endpoint.turn(left)?;
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(stopped());
            }
        }
    }
}

impl Drop for Handling {
    /// What the handler has not taken it does not want.
    fn drop(&mut self) {
        let channels = &mut self.connection.endpoint.session.borrow_mut().channels;
        for (_, key) in self.ends.borrow().iter() {
            channels.release(*key);
        }
    }
}
