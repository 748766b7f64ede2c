//! The program's ends of channels, and what a command yields. Knows no message.

use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::channels::EndKey;
use crate::connection::Connection;
use crate::endpoint::EAGER;
use crate::error::{CommandError, Error, Result};
use crate::value::Value;

/// An end of a channel, to be passed to a call: [`Args::channel`](crate::Args::channel).
pub trait Channel: private::Sealed {
    #[doc(hidden)]
    fn key(&self) -> EndKey;
}

mod private {
    pub trait Sealed {}
}

/// What both ends hold: forgotten, the channel ends.
#[derive(Debug)]
struct End {
    connection: Rc<Connection>,
    key: EndKey,
}

impl End {
    /// Wait until there is an item or credit, or never will be.
    fn wait(&self, unbound: &'static str) -> Result<()> {
        let has_moved = || {
            let session = self.connection.endpoint.session.borrow();
            if session.channels.is_bound(self.key) || session.channels.is_over(self.key) {
                Ok(session.channels.moves(self.key))
            } else {
                Err(Error::misuse(unbound))
            }
        };
        while !has_moved()? {
            self.connection.check_serving()?;
            self.connection.endpoint.turn(None)?;
        }
        Ok(())
    }

    fn finish(&self, error: Option<CommandError>) -> Result<()> {
        self.connection.endpoint.session.borrow_mut().channels.finish(self.key, error);
        if self.connection.endpoint.is_over() { Ok(()) } else { self.connection.endpoint.soon() }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.connection.endpoint.session.borrow_mut().channels.release(self.key);
        if !self.connection.endpoint.is_over() {
            let _ = self.connection.endpoint.soon(); // what ends the conversation is told to whoever asks next
        }
    }
}

/// An end to send on. Pass it to one call, as an argument; then send, and end it.
///
/// Dropped, it ends with an error, for whoever was to end it may have failed; but well where it is an argument of a
/// handler that has returned.
#[derive(Debug)]
pub struct SendChannel(End);

impl SendChannel {
    pub(crate) fn new(connection: Rc<Connection>, key: EndKey) -> Self {
        Self(End { connection, key })
    }

    /// Send one item. Waits while the receiver takes no more. Bytes from 16 KiB on go without being encoded.
    ///
    /// Fails with what has ended the channel: `cancelled` if the receiver wants no more (see [`is_dropped`]), or the
    /// error of the call.
    ///
    /// [`is_dropped`]: Self::is_dropped
    pub fn send<T: Serialize + ?Sized>(&self, item: &T) -> Result<()> {
        self.send_value(crate::to_value(item)?)
    }

    /// [`send`](Self::send), for what is a value already.
    pub fn send_value(&self, item: impl Into<Value>) -> Result<()> {
        self.put(item.into())?;
        self.0.connection.endpoint.soon()
    }

    /// Send each of these; many of them share a message, which is much faster than one by one.
    pub fn send_all<T: Serialize>(&self, items: impl IntoIterator<Item = T>) -> Result<()> {
        for item in items {
            self.put(crate::to_value(&item)?)?;
            if self.0.connection.endpoint.session.borrow().channels.outbox.len() >= EAGER {
                self.0.connection.endpoint.soon()?;
            }
        }
        self.0.connection.endpoint.soon()
    }

    fn put(&self, item: Value) -> Result<()> {
        self.0.connection.endpoint.check()?;
        self.0.wait("nobody receives on this channel yet: pass it to a call")?;
        self.0.connection.endpoint.session.borrow_mut().channels.send(self.0.key, item)
    }

    /// Nothing more will be sent. Doing so again does nothing.
    pub fn end(&self) -> Result<()> {
        self.0.finish(None)
    }

    /// Nothing more will be sent, and that is not all there should have been: the receiver gets this error.
    pub fn fail(&self, error: CommandError) -> Result<()> {
        self.0.finish(Some(error))
    }

    /// Whether the receiver has said that it wants no more.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.0.connection.endpoint.session.borrow().channels.is_dropped(self.0.key)
    }
}

impl private::Sealed for SendChannel {}

impl Channel for SendChannel {
    fn key(&self) -> EndKey {
        self.0.key
    }
}

/// An end to receive from. Pass it to one call, as an argument; then iterate over what comes.
///
/// Dropped, it tells the sender that nothing more is wanted.
#[derive(Debug)]
pub struct ReceiveChannel(End);

impl ReceiveChannel {
    pub(crate) fn new(connection: Rc<Connection>, key: EndKey) -> Self {
        Self(End { connection, key })
    }

    /// The next item; none if the sender has ended. Waits. Fails, once, with the error that the sender or the call has
    /// ended with.
    pub fn next_value(&self) -> Result<Option<Value>> {
        let connection = &self.0.connection;
        self.0.wait("nobody sends on this channel yet: pass it to a call")?;
        let item = connection.endpoint.session.borrow_mut().channels.take(self.0.key)?;
        // A grant that taking has put should not wait until all that is here has been taken.
        if item.is_some() && !connection.endpoint.is_over() && connection.has_something_to_say() {
            connection.endpoint.soon()?;
        }
        Ok(item)
    }

    /// What comes, each as a `T`. The iterator ends with the sender; an error is its last item.
    #[must_use]
    pub fn items<T: DeserializeOwned>(&self) -> Items<'_, T> {
        Items { channel: self, is_done: false, kind: PhantomData }
    }

    /// Nothing more is wanted: the sender is told, and what has come is forgotten. Doing so again does nothing.
    pub fn stop(&self) -> Result<()> {
        self.0.finish(None)
    }
}

impl private::Sealed for ReceiveChannel {}

impl Channel for ReceiveChannel {
    fn key(&self) -> EndKey {
        self.0.key
    }
}

/// What comes through a channel: see [`ReceiveChannel::items`].
#[derive(Debug)]
pub struct Items<'a, T> {
    channel: &'a ReceiveChannel,
    is_done: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Iterator for Items<'_, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        next(self.channel, &mut self.is_done)
    }
}

impl<T: DeserializeOwned> FusedIterator for Items<'_, T> {}

/// What a command yields, each as a `T`: an iterator that ends with the command. An error is its last item.
///
/// Dropped before its end, it closes the command.
#[derive(Debug)]
#[must_use = "a stream that is not iterated over is closed at once"]
pub struct Stream<T> {
    channel: ReceiveChannel,
    call: Call,
    is_done: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T> Stream<T> {
    pub(crate) fn new(channel: ReceiveChannel, call: Call) -> Self {
        Self { channel, call, is_done: false, kind: PhantomData }
    }

    /// Nothing more is wanted: close the command, and wait for its answer.
    pub fn close(self) -> Result<()> {
        self.channel.stop()?;
        self.call.result::<Value>().map(drop)
    }
}

impl<T: DeserializeOwned> Iterator for Stream<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        next(&self.channel, &mut self.is_done)
    }
}

impl<T: DeserializeOwned> FusedIterator for Stream<T> {}

fn next<T: DeserializeOwned>(channel: &ReceiveChannel, is_done: &mut bool) -> Option<Result<T>> {
    if *is_done {
        return None;
    }
    let item = channel.next_value().transpose()?;
    *is_done = item.is_err();
    Some(item.and_then(|value| Ok(crate::from_value(value)?)))
}
