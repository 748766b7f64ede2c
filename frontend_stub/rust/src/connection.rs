//! What all parts of the public face share: the endpoint, the handlers, and what is being handled. Knows no message.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::Core;
use crate::channel::{ReceiveChannel, SendChannel};
use crate::endpoint::{Endpoint, say};
use crate::error::{BoxError, CommandError, Error, Result, code};
use crate::event::Event;
use crate::handled::Handled;
use crate::handling::Handling;
use crate::session::Session;
use crate::value::{Map, Value};

type EventHandler = Rc<RefCell<dyn FnMut(&Core, &Event) -> Result<(), BoxError>>>;

/// What answers an exported command.
#[derive(Clone)]
pub enum CallHandler {
    /// With a value.
    Value(Rc<RefCell<ValueHandler>>),
    /// With a stream.
    Stream(Rc<RefCell<StreamHandler>>),
}

pub type ValueHandler = dyn FnMut(&Core, &Handling) -> Result<Value, BoxError>;
pub type StreamHandler = dyn FnMut(&Core, &Handling, &SendChannel) -> Result<(), BoxError>;

/// One handler that listens to one topic.
#[derive(Clone)]
struct Listener {
    number: u64,
    is_once: bool,
    handler: EventHandler,
}

/// The call or event that a handler works on now: calls and emits from inside belong to it.
#[derive(Clone, Debug)]
enum Serving {
    Call { id: u64, trace: Option<String> },
    Event { trace: Option<String> },
}

/// The connection of this worker to its core, behind all that refers to it.
pub struct Connection {
    pub endpoint: Endpoint,
    serving: RefCell<Option<Serving>>,
    listeners: RefCell<HashMap<String, Vec<Listener>>>,
    last_listener: RefCell<u64>,
    exports: RefCell<HashMap<String, CallHandler>>,
    /// Whether the last that was handled was a call: calls and events have their turns where both wait.
    was_call: RefCell<bool>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.endpoint.session.borrow();
        write!(formatter, "Connection({}@{}, {:?})", session.label, session.generation, session.state)
    }
}

impl Connection {
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            serving: RefCell::default(),
            listeners: RefCell::default(),
            last_listener: RefCell::default(),
            exports: RefCell::default(),
            was_call: RefCell::default(),
        }
    }

    /// Whether a message waits to be sent.
    pub fn has_something_to_say(&self) -> bool {
        self.endpoint.session.borrow().channels.outbox.len() > 0
    }

    /// A receiving end of this credit.
    pub fn receive_channel(self: &Rc<Self>, credit: u64) -> Result<ReceiveChannel> {
        if credit == 0 {
            return Err(Error::misuse("a channel needs a credit of 1 or more"));
        }
        let key = self.endpoint.session.borrow_mut().channels.new_receiver(credit);
        Ok(ReceiveChannel::new(Rc::clone(self), key))
    }

    /// A sending end.
    pub fn send_channel(self: &Rc<Self>) -> SendChannel {
        let key = self.endpoint.session.borrow_mut().channels.new_sender();
        SendChannel::new(Rc::clone(self), key)
    }

    // -- what is being handled ---------------------------------------------------------------------------------------

    /// The call that is being handled.
    pub fn serving_call(&self) -> Option<u64> {
        if let Some(Serving::Call { id, .. }) = &*self.serving.borrow() { Some(*id) } else { None }
    }

    /// The trace of what is being handled.
    pub fn serving_trace(&self) -> Option<String> {
        match &*self.serving.borrow() {
            Some(Serving::Call { trace, .. } | Serving::Event { trace }) => trace.clone(),
            None => None,
        }
    }

    /// Fail with what has stopped the call that is being handled, if it is to stop.
    pub fn check_serving(&self) -> Result<()> {
        let session = self.endpoint.session.borrow();
        match self.serving_call().and_then(|id| session.handled.stopped(id)) {
            Some(error) => Err(Error::Command(error.clone())),
            None => Ok(()),
        }
    }

    // -- listening -----------------------------------------------------------------------------------------------------

    /// Put the handler in place, subscribe if it is the first of its topic, and wait for the core's answer: the number
    /// by which it is ended.
    pub fn listen(&self, topic: &str, is_once: bool, handler: EventHandler) -> Result<u64> {
        self.endpoint.check()?;
        let is_new = self.endpoint.session.borrow_mut().subscribe(topic)?;
        *self.last_listener.borrow_mut() += 1;
        let number = *self.last_listener.borrow();
        let listener = Listener { number, is_once, handler };
        self.listeners.borrow_mut().entry(topic.to_owned()).or_default().push(listener);
        if is_new {
            self.endpoint.subscribe(topic, true)?;
        }
        self.endpoint.until(|session| session.subscribed(topic).is_some())?;
        let answer = self.endpoint.session.borrow().subscribed(topic);
        if let Some(Err(error)) = answer {
            self.unlisten(topic, number)?;
            return Err(error.into());
        }
        Ok(number)
    }

    /// Take the handler away, and unsubscribe if it was the last of its topic. Doing so again does nothing.
    pub fn unlisten(&self, topic: &str, number: u64) -> Result<()> {
        let mut listeners = self.listeners.borrow_mut();
        let Some(same) = listeners.get_mut(topic) else { return Ok(()) };
        same.retain(|listener| listener.number != number);
        if !same.is_empty() {
            return Ok(());
        }
        listeners.remove(topic);
        self.endpoint.session.borrow_mut().unsubscribe(topic);
        self.endpoint.subscribe(topic, false)
    }

    /// What is to be called with an event of this name: those of the name itself, then of its prefixes, shortest first.
    fn listeners_of(&self, name: &str) -> Vec<(String, Listener)> {
        let prefixes = name.match_indices('/').filter_map(|(at, _)| name.get(..=at)).map(str::to_owned);
        let listeners = self.listeners.borrow();
        let mut found = Vec::new();
        for topic in std::iter::once(format!("{name}|")).chain(prefixes) {
            if let Some(same) = listeners.get(&topic) {
                found.extend(same.iter().map(|listener| (topic.clone(), listener.clone())));
            }
        }
        found
    }

    // -- answering -----------------------------------------------------------------------------------------------------

    /// This answers an exported command.
    pub fn export(&self, name: &str, handler: CallHandler) {
        self.exports.borrow_mut().insert(name.to_owned(), handler);
    }

    /// Handle events and calls until the core asks this worker to stop.
    pub fn run(self: &Rc<Self>) -> Result<()> {
        self.check_not_handling()?;
        self.endpoint.session.borrow_mut().ready();
        loop {
            let is_idle = !has_work(&self.endpoint.session.borrow());
            self.endpoint.turn(if is_idle { None } else { Some(Duration::ZERO) })?;
            if self.endpoint.session.borrow().stopping {
                return Ok(());
            }
            self.handle_one()?;
        }
    }

    /// Handle the events and calls that are there: their count. Waits so long for the first, `None`: for ever.
    pub fn poll(self: &Rc<Self>, timeout: Option<Duration>) -> Result<usize> {
        self.check_not_handling()?;
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        self.endpoint.turn(Some(Duration::ZERO))?;
        while !has_work(&self.endpoint.session.borrow()) {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(0);
            }
            self.endpoint.turn(left)?;
        }
        let waiting = {
            let session = self.endpoint.session.borrow();
            session.inbox.len() + session.handled.waiting()
        };
        let mut count = 0;
        while count < waiting && !self.endpoint.session.borrow().stopping {
            self.handle_one()?;
            count += 1;
            self.endpoint.turn(Some(Duration::ZERO))?;
        }
        Ok(count)
    }

    fn check_not_handling(&self) -> Result<()> {
        self.endpoint.check()?;
        if self.serving.borrow().is_some() {
            return Err(Error::misuse("run or poll inside a handler: return from it, and the next one runs"));
        }
        Ok(())
    }

    /// Handle the event or the call that has waited longest of its kind, by turns where both wait.
    fn handle_one(self: &Rc<Self>) -> Result<()> {
        let handled = {
            let session = &mut *self.endpoint.session.borrow_mut();
            let is_its_turn = session.inbox.is_empty() || !*self.was_call.borrow();
            if is_its_turn { session.handled.begin() } else { None }
        };
        *self.was_call.borrow_mut() = handled.is_some();
        if let Some(handled) = handled {
            return self.handle_call(handled);
        }
        let event = self.endpoint.session.borrow_mut().inbox.take();
        event.map_or(Ok(()), |event| self.handle_event(&event))
    }

    fn handle_event(self: &Rc<Self>, event: &Event) -> Result<()> {
        let _serving = self.serve(Serving::Event { trace: event.trace.clone() });
        for (topic, listener) in self.listeners_of(&event.name) {
            if listener.is_once {
                self.unlisten(&topic, listener.number)?;
            }
            let core = Core::of(Rc::clone(self));
            // A handler is never inside itself, for neither run nor poll is.
            (*listener.handler.borrow_mut())(&core, event).map_err(Error::of_handler)?;
        }
        Ok(())
    }

    /// Run the handler of an exported command, and answer. Only what ends the worker comes out.
    fn handle_call(self: &Rc<Self>, handled: Handled) -> Result<()> {
        let (id, command) = (handled.id, handled.command.clone());
        let trace = handled.trace.clone();
        let outcome = {
            let _serving = self.serve(Serving::Call { id, trace });
            self.answer(Handling::new(Rc::clone(self), handled))
        };
        self.endpoint.check()?;
        let outcome = outcome.map_err(|error| self.refusal(error, id, &command));
        {
            let session = &mut *self.endpoint.session.borrow_mut();
            if let Err(fault) = session.handled.conclude(id, outcome, &mut session.channels) {
                say(&format!("the result of {command} cannot be sent: {fault}"));
            }
        }
        self.endpoint.soon()
    }

    /// What the handler returns. The handling, and with it the channels that were left, ends before that is said.
    #[allow(clippy::needless_pass_by_value)] // it ends here
    fn answer(self: &Rc<Self>, handling: Handling) -> Result<Value, BoxError> {
        let core = Core::of(Rc::clone(self));
        let handler = self.exports.borrow().get(handling.command()).cloned();
        match (handler, handling.take_stream()) {
            (Some(CallHandler::Value(handler)), None) => {
                guarded(|| (*handler.borrow_mut())(&core, &handling))
            }
            (Some(CallHandler::Stream(handler)), Some(stream)) => {
                let outcome = guarded(|| (*handler.borrow_mut())(&core, &handling, &stream));
                match outcome {
                    Ok(()) => stream.end()?,
                    Err(_) if stream.is_dropped() => {} // nobody wants the rest, which is an end like another
                    Err(error) => {
                        // Not as if it were whole: the error that answers the call ends it.
                        let error = self.refusal(error, handling.id(), handling.command());
                        stream.fail(error.clone())?;
                        return Err(error.into());
                    }
                }
                Ok(Value::Null)
            }
            (Some(CallHandler::Value(_)), Some(stream)) => {
                let error = CommandError::new(code::INVALID_ARGS, "it does not stream: invoke it");
                stream.fail(error.clone())?;
                Err(error.into())
            }
            (Some(CallHandler::Stream(_)), None) => {
                Err(CommandError::new(code::INVALID_ARGS, "it streams: stream it").into())
            }
            (None, _) => Err(CommandError::new(code::NOT_FOUND, "this worker does not export it").into()),
        }
    }

    /// What the caller learns of what a handler has returned: an answer as it is; of everything else the log has the
    /// rest.
    fn refusal(&self, error: BoxError, id: u64, command: &str) -> CommandError {
        match Error::of_handler(error) {
            Error::Command(error) => error,
            error => {
                let reference = format!("{}/{id}", self.endpoint.session.borrow().label);
                say(&format!("{command} failed (reference {reference}): {error}"));
                let reason =
                    format!("the command failed; the log of its worker has the reason as {reference}");
                let data = Map::from([("reference".to_owned(), reference.into())]);
                CommandError::new(code::FAILED, reason).with_data(data)
            }
        }
    }

    /// This is being handled, until the end of what is returned.
    fn serve(&self, serving: Serving) -> ServingGuard<'_> {
        *self.serving.borrow_mut() = Some(serving);
        ServingGuard(self)
    }
}

impl Drop for Connection {
    /// Who has not closed takes leave here, but not in a panic: then the core learns that the process has gone.
    fn drop(&mut self) {
        if !self.endpoint.is_over() && !std::thread::panicking() {
            let _ = self.endpoint.leave(); // what has gone wrong has been told
        }
    }
}

struct ServingGuard<'a>(&'a Connection);

impl Drop for ServingGuard<'_> {
    fn drop(&mut self) {
        *self.0.serving.borrow_mut() = None;
    }
}

fn has_work(session: &Session) -> bool {
    !session.inbox.is_empty() || session.handled.is_waiting() || session.stopping
}

/// What a handler returns; a panic of it is the handler's failure, which one call should not make the worker's.
fn guarded<T>(handle: impl FnOnce() -> Result<T, BoxError>) -> Result<T, BoxError> {
    // What the handler has left half done is its own: everything of this crate is borrowed for moments only.
    catch_unwind(AssertUnwindSafe(handle))
        .unwrap_or_else(|panic| Err(format!("it panicked: {}", words(&*panic)).into()))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
