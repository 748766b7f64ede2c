//! The public face: connecting, and the verbs. Knows no message.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Args;
use crate::call::{Call, Options};
use crate::channel::{ReceiveChannel, SendChannel, Stream};
use crate::connection::{CallHandler, Connection};
use crate::endpoint::{Endpoint, say, tell};
use crate::error::{BoxError, Error, Result};
use crate::event::{Event, topic_of};
use crate::grant::Grants;
use crate::handled::Export;
use crate::handling::Handling;
use crate::message::Limits;
use crate::place::Place;

/// A link is made for one process, and for one connection of it.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Connect this worker to its core, once per process. Returns when the core has welcomed it.
///
/// What goes wrong is said on standard error, too: [`Error::exit_code`] is what the process should exit with.
pub fn connect() -> Result<Core> {
    Connector::new().connect()
}

/// A worker from its beginning to its end: connects, does what `main` says, and takes leave.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     stockade_frontend::worker(|core| {
///         core.listen("notes/changed", |_core, event| {
///             println!("{}", event.parse::<String>()?);
///             Ok(())
///         })?;
///         core.run()?; // until the supervisor asks to stop
///         Ok(())
///     })
/// }
/// ```
///
/// The exit status is 0, or 1 for an error of `main`, which is said on standard error, or that of how the conversation
/// has ended: 1 if the core has gone, has refused this worker or says that it broke the protocol, 2 if no supervisor
/// started it, 70 if the core broke the protocol.
pub fn worker(main: impl FnOnce(&Core) -> Result<(), BoxError>) -> ExitCode {
    let core = match connect() {
        Ok(core) => core,
        Err(error) => return error.exit_code(), // which `connect` has said
    };
    let outcome = main(&core).map_err(Error::of_handler);
    let left = core.close();
    match outcome.and(left) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, Error::Ended(_)) {
                say(&format!("this worker ends: {error}"));
            }
            error.exit_code()
        }
    }
}

/// How to connect, for those whom [`connect`] does not suit.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Connector {
    queue: usize,
    outlives: bool,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector {
    /// As [`connect`] does it.
    pub fn new() -> Self {
        Self { queue: 1024, outlives: false }
    }

    /// How many events wait for [`Core::run`] or [`Core::poll`]; those above are counted in [`Core::missed`].
    pub fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// At the end of the lifeline (standard input) the process exits by itself, with status 0, wherever it waits. With
    /// this, whatever waits fails with [`EndKind::Stopped`](crate::EndKind::Stopped) instead, and the process has to
    /// end soon.
    pub fn outlive_lifeline(mut self) -> Self {
        self.outlives = true;
        self
    }

    /// Connect.
    pub fn connect(self) -> Result<Core> {
        if IS_TAKEN.swap(true, Ordering::Relaxed) {
            return Err(Error::misuse(
                "this process has connected before: a worker has one link, for one connection",
            ));
        }
        let place = Place::take().inspect_err(|ended| {
            if ended.status() == 0 && !self.outlives {
                std::process::exit(0);
            }
            tell(ended);
        })?;
        let endpoint = Endpoint::open(place, self.queue, self.outlives)?;
        Ok(Core::of(Rc::new(Connection::new(endpoint))))
    }
}

/// The connection of this worker to its core.
///
/// It is a handle: a clone is the same connection. It belongs to the thread that made it, for the sockets of `ZeroMQ` do; the
/// compiler sees to that. Its methods wait where they have to, and while they do the worker does its duties: it answers
/// pings, takes events and calls in, and looks at its lifeline. Handlers run inside [`run`](Self::run) and
/// [`poll`](Self::poll) alone, one at a time; they get the connection as an argument, so that they need not hold it.
///
/// [`close`](Self::close) takes leave; if nobody has done so the end of the last handle does, which may take two
/// seconds, but not if it is held by a handler.
#[derive(Clone, Debug)]
pub struct Core(Rc<Connection>);

impl Core {
    pub(crate) fn of(connection: Rc<Connection>) -> Self {
        Self(connection)
    }

    // -- who and what --------------------------------------------------------------------------------------------------

    /// This worker's label.
    #[must_use]
    pub fn worker(&self) -> String {
        self.0.endpoint.session.borrow().label.clone()
    }

    /// Which start of this worker it is, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.endpoint.session.borrow().generation
    }

    /// What the core takes.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.endpoint.session.borrow().limits.clone()
    }

    /// What this worker may call, listen to and emit.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.0.endpoint.session.borrow().grants.clone()
    }

    /// Whether this worker is asked to finish. Looks at the sockets, so a long computation may ask now and then.
    pub fn stopping(&self) -> Result<bool> {
        self.0.endpoint.turn(Some(Duration::ZERO))?;
        Ok(self.0.endpoint.session.borrow().stopping)
    }

    /// Events meant for this worker that no handler will see: the core had to drop them, or the queue was full.
    ///
    /// Those that the core has sent behind the end of a subscription that it had not read yet look the same, and are
    /// counted too.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.endpoint.session.borrow().inbox.missed()
    }

    /// Calls that this worker has made and that await an answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.endpoint.session.borrow().calls.len()
    }

    // -- calls ---------------------------------------------------------------------------------------------------------

    /// Run a command, and wait for what it returns.
    ///
    /// Waits while the core is busy. What this worker's grants or the limits do not allow is refused at once, and
    /// nothing is sent.
    pub fn invoke<T: DeserializeOwned>(&self, command: &str, arguments: impl Into<Args>) -> Result<T> {
        self.options().invoke(command, arguments)
    }

    /// Begin a command, and go on. Calls are sent together, when there are many or something waits: a result, an
    /// invoke, a poll.
    pub fn call(&self, command: &str, arguments: impl Into<Args>) -> Result<Call> {
        self.options().call(command, arguments)
    }

    /// Run a command that yields, and receive what it does.
    pub fn stream<T: DeserializeOwned>(
        &self,
        command: &str,
        arguments: impl Into<Args>,
    ) -> Result<Stream<T>> {
        self.options().stream(command, arguments)
    }

    /// How to call: for how long, whether to wait, and so on.
    pub fn options(&self) -> Options {
        Options::new(Rc::clone(&self.0))
    }

    /// An end to send on, to be passed to a call whose command receives from it.
    #[must_use]
    pub fn send_channel(&self) -> SendChannel {
        self.0.send_channel()
    }

    /// An end to receive from, to be passed to a call whose command sends on it. `credit` is how many items it may be
    /// ahead, 1 at the least.
    pub fn receive_channel(&self, credit: u32) -> Result<ReceiveChannel> {
        self.options().credit(credit).receive_channel()
    }

    /// Ask whether the core is there: how long the answer took.
    pub fn ping(&self) -> Result<Duration> {
        self.0.endpoint.check()?;
        let began = Instant::now();
        let number = self.0.endpoint.session.borrow_mut().ping();
        self.0.endpoint.until(|session| session.has_pong(number))?;
        Ok(began.elapsed())
    }

    // -- events --------------------------------------------------------------------------------------------------------

    /// Call the handler with each event of this name, or, if it ends in a slash, of a name that begins so.
    ///
    /// Returns when the core has answered: from then on nothing is missed uncounted. What the handler returns as an
    /// error comes out of [`run`](Self::run) or [`poll`](Self::poll).
    pub fn listen<F>(&self, name: &str, handler: F) -> Result<Subscription>
    where
        F: FnMut(&Core, &Event) -> Result<(), BoxError> + 'static,
    {
        self.listen_to(name, false, handler)
    }

    /// [`listen`](Self::listen), for one event.
    pub fn once<F>(&self, name: &str, handler: F) -> Result<Subscription>
    where
        F: FnMut(&Core, &Event) -> Result<(), BoxError> + 'static,
    {
        self.listen_to(name, true, handler)
    }

    fn listen_to<F>(&self, name: &str, is_once: bool, handler: F) -> Result<Subscription>
    where
        F: FnMut(&Core, &Event) -> Result<(), BoxError> + 'static,
    {
        let topic = topic_of(name)?;
        let number = self.0.listen(&topic, is_once, Rc::new(std::cell::RefCell::new(handler)))?;
        Ok(Subscription { connection: Rc::clone(&self.0), topic, number })
    }

    /// Emit an event to all who listen. Waits only while the core does not read. It has no answer: who needs to know
    /// invokes a command.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, payload: &T) -> Result<()> {
        self.options().emit(event, payload)
    }

    /// Emit an event to one worker alone.
    pub fn emit_to<T: Serialize + ?Sized>(&self, label: &str, event: &str, payload: &T) -> Result<()> {
        self.options().to(label).emit(event, payload)
    }

    // -- answering -----------------------------------------------------------------------------------------------------

    /// Answer a command, one call of it at a time. To be said before [`ready`](Self::ready); the configuration bounds
    /// what may be exported.
    ///
    /// What the handler returns is the answer. A [`CommandError`](crate::CommandError) is so too; any other error, and
    /// a panic, is `failed` for the caller, and its reason is in the log.
    pub fn export<F, R>(&self, command: &str, handler: F) -> Result<()>
    where
        F: FnMut(&Core, &Handling) -> Result<R, BoxError> + 'static,
        R: Serialize,
    {
        self.export_as(command, Export::default(), handler)
    }

    /// [`export`](Self::export), told how the core may use it.
    pub fn export_as<F, R>(&self, command: &str, export: Export, mut handler: F) -> Result<()>
    where
        F: FnMut(&Core, &Handling) -> Result<R, BoxError> + 'static,
        R: Serialize,
    {
        let handler = move |core: &Core, handling: &Handling| Ok(crate::to_value(&handler(core, handling)?)?);
        self.declare(command, export, CallHandler::Value(Rc::new(std::cell::RefCell::new(handler))))
    }

    /// Answer a command with a stream: the handler sends what it yields, and returns when that is all. When the caller
    /// wants no more, sending fails; let that pass.
    pub fn export_stream<F>(&self, command: &str, handler: F) -> Result<()>
    where
        F: FnMut(&Core, &Handling, &SendChannel) -> Result<(), BoxError> + 'static,
    {
        self.export_stream_as(command, Export::default(), handler)
    }

    /// [`export_stream`](Self::export_stream), told how the core may use it.
    pub fn export_stream_as<F>(&self, command: &str, export: Export, handler: F) -> Result<()>
    where
        F: FnMut(&Core, &Handling, &SendChannel) -> Result<(), BoxError> + 'static,
    {
        self.declare(command, export, CallHandler::Stream(Rc::new(std::cell::RefCell::new(handler))))
    }

    fn declare(&self, command: &str, export: Export, handler: CallHandler) -> Result<()> {
        self.0.endpoint.check()?;
        let mut session = self.0.endpoint.session.borrow_mut();
        if session.is_ready {
            return Err(Error::misuse(
                "what a worker exports is said with ready: export before that, and before run",
            ));
        }
        session.handled.export(command, export)?;
        self.0.export(command, handler);
        Ok(())
    }

    // -- living --------------------------------------------------------------------------------------------------------

    /// Say that this worker has set up what it needs. Once; [`run`](Self::run) does it if it has not been done.
    pub fn ready(&self) -> Result<()> {
        self.0.endpoint.check()?;
        self.0.endpoint.session.borrow_mut().ready();
        self.0.endpoint.turn(Some(Duration::ZERO))
    }

    /// Handle events and calls until the core asks this worker to stop; what still waits then is not handled.
    pub fn run(&self) -> Result<()> {
        self.0.run()
    }

    /// Handle the events and calls that are there: their count. Waits up to `timeout` for the first (`None`: for ever).
    /// Returns early, maybe with 0, when the core asks this worker to stop: see [`stopping`](Self::stopping).
    pub fn poll(&self, timeout: Option<Duration>) -> Result<usize> {
        self.0.poll(timeout)
    }

    /// Take leave: the core handles all that was emitted, and answers or cancels what is in flight. Takes two seconds
    /// at most. Doing so again does nothing; everything else fails with [`Error::Closed`] then.
    pub fn close(&self) -> Result<()> {
        self.0.endpoint.leave()
    }
}

/// A handler that listens. Dropped, it goes on to listen.
#[derive(Debug)]
pub struct Subscription {
    connection: Rc<Connection>,
    topic: String,
    number: u64,
}

impl Subscription {
    /// Call the handler no more, not even for events that have come and wait.
    pub fn close(self) -> Result<()> {
        self.connection.endpoint.check()?;
        self.connection.unlisten(&self.topic, self.number)
    }
}
