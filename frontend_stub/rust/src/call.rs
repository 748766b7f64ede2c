//! Calls: with options, begun and awaited later. Knows no message.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::calls::{Asking, Ticket, Time};
use crate::channel::{ReceiveChannel, Stream};
use crate::channels::CREDIT;
use crate::connection::Connection;
use crate::endpoint::EAGER;
use crate::error::{CommandError, Error, Result, code};
use crate::value::Value;

/// A call that has begun: [`result`](Self::result) waits for its answer. Dropped, it goes on, and nobody hears of it.
#[derive(Debug)]
#[must_use = "a call that is dropped goes on, and its answer is lost"]
pub struct Call {
    connection: Rc<Connection>,
    ticket: Ticket,
}

impl Call {
    /// Wait for the answer.
    pub fn result<T: DeserializeOwned>(self) -> Result<T> {
        Ok(crate::from_value(self.value()?)?)
    }

    /// Wait for the answer, and leave it as it is.
    pub(crate) fn value(&self) -> Result<Value> {
        let endpoint = &self.connection.endpoint;
        loop {
            if let Some(answer) = endpoint.session.borrow_mut().calls.take(self.ticket) {
                return Ok(answer?);
            }
            endpoint.turn(None)?;
        }
    }

    /// Whether the answer is there. Sends what has gathered, and reads without waiting.
    pub fn is_done(&self) -> Result<bool> {
        let is_answered = || self.connection.endpoint.session.borrow().calls.is_answered(self.ticket);
        if !is_answered() {
            self.connection.endpoint.turn(Some(Duration::ZERO))?;
        }
        Ok(is_answered())
    }

    /// Nobody wants the answer any more: the core stops the command, and the result is the error `cancelled`.
    ///
    /// False if the answer has come already. The command may have run all the same.
    pub fn cancel(&self) -> Result<bool> {
        let error = CommandError::new(code::CANCELLED, "this worker has cancelled it");
        let is_cancelled = {
            let session = &mut *self.connection.endpoint.session.borrow_mut();
            session.calls.cancel(self.ticket, error, &mut session.channels)
        };
        if is_cancelled {
            self.connection.endpoint.soon()?;
        }
        Ok(is_cancelled)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.connection.endpoint.session.borrow_mut().calls.release(self.ticket);
    }
}

/// How to call: `core.options().timeout(...).invoke(...)`. What is not said is as it always is.
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    connection: Rc<Connection>,
    timeout: Timeout,
    at_once: bool,
    idempotent: bool,
    credit: u64,
    trace: Option<String>,
    to: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Timeout {
    Default,
    Forever,
    After(Duration),
}

impl Options {
    pub(crate) fn new(connection: Rc<Connection>) -> Self {
        Self {
            connection,
            timeout: Timeout::Default,
            at_once: false,
            idempotent: false,
            credit: CREDIT,
            trace: None,
            to: None,
        }
    }

    /// After this time the command is cancelled, and the error is `deadline_exceeded`. Unsaid, the core's own holds:
    /// `limits().deadline`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Timeout::After(timeout);
        self
    }

    /// The call may take as long as it needs.
    pub fn forever(mut self) -> Self {
        self.timeout = Timeout::Forever;
        self
    }

    /// Whether to try again while the core is busy, which calls do by themselves. Without it the error is `busy` at once.
    pub fn wait(mut self, wait: bool) -> Self {
        self.at_once = !wait;
        self
    }

    /// The command may be run again, should the worker that runs it die.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// How many items a stream may be ahead of whoever takes them: 64, if not said.
    pub fn credit(mut self, credit: u32) -> Self {
        self.credit = credit.into();
        self
    }

    /// The W3C traceparent that goes along. In a handler that of the call or event goes on by itself.
    pub fn trace(mut self, trace: impl Into<String>) -> Self {
        self.trace = Some(trace.into());
        self
    }

    /// Of an emit: to this worker alone.
    pub fn to(mut self, label: impl Into<String>) -> Self {
        self.to = Some(label.into());
        self
    }

    /// [`Core::invoke`](crate::Core::invoke) with these options.
    pub fn invoke<T: DeserializeOwned>(&self, command: &str, arguments: impl Into<Args>) -> Result<T> {
        self.begin(command, arguments.into())?.result()
    }

    /// [`Core::call`](crate::Core::call) with these options; the time begins now.
    pub fn call(&self, command: &str, arguments: impl Into<Args>) -> Result<Call> {
        let call = self.begin(command, arguments.into())?;
        let endpoint = &self.connection.endpoint;
        endpoint.until(|session| session.calls.has_gone(call.ticket))?;
        if endpoint.session.borrow().channels.outbox.len() >= EAGER {
            endpoint.turn(Some(Duration::ZERO))?;
        }
        Ok(call)
    }

    /// [`Core::stream`](crate::Core::stream) with these options; the time is that of the whole stream.
    pub fn stream<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: impl Into<Args>,
    ) -> Result<Stream<T>> {
        let channel = self.connection.receive_channel(self.credit)?;
        let call = self.call(command, arguments.into().channel("yield", &channel))?;
        Ok(Stream::new(channel, call))
    }

    /// [`Core::emit`](crate::Core::emit) with these options.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<()> {
        let payload = crate::to_value(payload)?;
        let endpoint = &self.connection.endpoint;
        endpoint.check()?;
        let trace = self.trace.clone().or_else(|| self.connection.serving_trace());
        let emit =
            endpoint.session.borrow().prepare_emit(event, &payload, self.to.as_deref(), trace.as_deref())?;
        endpoint.emit(&emit)
    }

    /// A receiving end with the credit that these options have.
    pub(crate) fn receive_channel(&self) -> Result<ReceiveChannel> {
        self.connection.receive_channel(self.credit)
    }

    fn begin(&self, command: &str, arguments: Args) -> Result<Call> {
        let connection = &self.connection;
        connection.endpoint.check()?;
        if let Some(fault) = arguments.fault {
            return Err(fault.into());
        }
        let now = Instant::now();
        let asking = Asking {
            command: command.to_owned(),
            arguments: arguments.values,
            ends: arguments.ends,
            time: match self.timeout {
                Timeout::Default => Time::Default,
                Timeout::Forever => Time::Forever,
                // What no clock can count to is as long as it needs.
                Timeout::After(timeout) => now.checked_add(timeout).map_or(Time::Forever, Time::Until),
            },
            at_once: self.at_once,
            idempotent: self.idempotent,
            trace: self.trace.clone().or_else(|| connection.serving_trace()),
            parent: connection.serving_call(),
        };
        let session = &mut *connection.endpoint.session.borrow_mut();
        if let Some(stopped) = asking.parent.and_then(|parent| session.handled.stopped(parent)) {
            return Err(Error::Command(stopped.clone()));
        }
        let ticket = session.calls.ask(asking, now, &mut session.channels)?;
        Ok(Call { connection: Rc::clone(connection), ticket })
    }
}
