//! The worker's end of its link: the sockets and the conversation together, and the one loop, turned by whoever waits.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::time::{Duration, Instant};

use crate::error::{EndKind, Ended, Error, Result};
use crate::event::Emit;
use crate::link::{Link, lost, receive, receive_rest, send, send_parcel};
use crate::place::Place;
use crate::session::{Session, State};

/// Frames read from one socket before the others have their turn.
const TURN: usize = 64;
/// How long to wait for the core's answer to `bye`: it has a second for what was still to do.
const LEAVE: Duration = Duration::from_secs(2);
/// In this time the core's last message, which says why, may come behind the news that its connection is closed: these
/// come on two sockets.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Messages that have gathered are sent when there are so many, so that the core works while the next are being made.
pub const EAGER: usize = 64;
/// So long the sockets need not be looked at while a worker only emits: so soon a ping is answered then.
const LOOK: Duration = Duration::from_millis(10);

/// What has come to its end, and how: it is told once to whoever reads the log, and then to whoever asks.
#[derive(Clone, Debug)]
enum Over {
    Closed,
    Ended(Ended),
}

/// Sockets bound and `hello` said.
pub struct Endpoint {
    pub session: RefCell<Session>,
    link: Link,
    over: RefCell<Option<Over>>,
    /// Whether the core's subscription has come: before it, an emit would be lost.
    takes_emits: Cell<bool>,
    /// Whether the events or the emits socket was used since it was last empty, so that its descriptor may not tell.
    is_used: Cell<bool>,
    /// Whether the end of the lifeline is an error like another, and does not end the process.
    outlives: bool,
    looked: Cell<Instant>,
}

impl Endpoint {
    /// Bind, and wait for `welcome` and the core's subscription.
    pub fn open(place: Place, queue: usize, outlives: bool) -> Result<Self> {
        let stub = concat!("rust/", env!("CARGO_PKG_VERSION"));
        let session = Session::new(&place.label, place.generation, stub, queue);
        let endpoint = Self {
            session: RefCell::new(session),
            link: Link::new(place).inspect_err(tell)?,
            over: RefCell::new(None),
            takes_emits: Cell::new(false),
            is_used: Cell::new(true),
            outlives,
            looked: Cell::new(Instant::now()),
        };
        while endpoint.state() == State::Greeting || !endpoint.takes_emits.get() {
            endpoint.turn(None)?;
        }
        Ok(endpoint)
    }

    /// Where the conversation stands.
    pub fn state(&self) -> State {
        self.session.borrow().state
    }

    /// Whether nothing more can be said.
    pub fn is_over(&self) -> bool {
        self.over.borrow().is_some()
    }

    /// What has ended the conversation, if it has ended.
    pub fn check(&self) -> Result<()> {
        match &*self.over.borrow() {
            None => Ok(()),
            Some(Over::Closed) => Err(Error::Closed),
            Some(Over::Ended(ended)) => Err(ended.clone().into()),
        }
    }

    // -- waiting ---------------------------------------------------------------------------------------------------

    /// Send what has gathered, wait so long for something to happen (`None`: for ever), and read what there is.
    pub fn turn(&self, timeout: Option<Duration>) -> Result<()> {
        self.check()?;
        self.try_turn(timeout, false).or_else(|ended| self.end(ended))
    }

    /// Turn until it is so.
    pub fn until(&self, mut is_so: impl FnMut(&Session) -> bool) -> Result<()> {
        while !is_so(&self.session.borrow()) {
            self.turn(None)?;
        }
        Ok(())
    }

    /// Send what has gathered, as far as it goes without waiting.
    pub fn soon(&self) -> Result<()> {
        self.check()?;
        self.flush().map(drop).or_else(|ended| self.end(ended))
    }

    fn try_turn(&self, timeout: Option<Duration>, for_room: bool) -> Result<(), Ended> {
        // What is polled are descriptors, which tell of edges that whatever is done with a socket may take: so the
        // commands socket is read until it is empty before each sleep, the others if they were used since they were.
        // One call alone is a send, a look for what has come before, one poll and a receive.
        let mut timeout = self.wake(timeout);
        let has_sent = self.flush()?;
        if self.receive(TURN)? > 0 {
            timeout = Some(Duration::ZERO);
        } else if !has_sent && self.link.commands.get_events().map_err(lost)?.contains(zmq::POLLOUT) {
            return Ok(()); // there is room again: the next turn sends
        }
        if self.is_used.get() && !for_room {
            self.receive_events()?;
            self.receive_emits()?;
            timeout = Some(Duration::ZERO);
        }
        let found = self.link.poll(timeout)?;
        if found.lifeline && self.link.has_lifeline_ended() {
            return Err(Ended::new(EndKind::Stopped, "the lifeline has ended"));
        }
        if found.commands {
            self.receive(1)?;
        }
        if found.events {
            self.receive_events()?;
        }
        if found.emits {
            self.receive_emits()?;
        }
        Ok(())
    }

    /// See to what is due; the time until something else is, if that is shorter.
    fn wake(&self, timeout: Option<Duration>) -> Option<Duration> {
        let mut session = self.session.borrow_mut();
        let Some(next) = session.next() else { return timeout };
        let now = Instant::now();
        if next <= now {
            session.wake(now);
            return Some(Duration::ZERO);
        }
        timeout.into_iter().chain([next - now]).min()
    }

    // -- sockets ---------------------------------------------------------------------------------------------------

    /// Send the batches that have gathered; false if there is no room for all of them.
    fn flush(&self) -> Result<bool, Ended> {
        let outbox = &mut self.session.borrow_mut().channels.outbox;
        while let Some(batch) = outbox.batch() {
            if !send_parcel(&self.link.commands, batch)? {
                return Ok(false);
            }
            outbox.sent();
        }
        Ok(true)
    }

    /// Read messages of the commands socket until it is empty, so many at the most: how many there were.
    fn receive(&self, most: usize) -> Result<usize, Ended> {
        for count in 0..most {
            let Some(frame) = receive(&self.link.commands)? else { return Ok(count) };
            let raw = receive_rest(&self.link.commands, &frame)?;
            self.session.borrow_mut().receive(&frame, raw, Instant::now())?;
        }
        Ok(most)
    }

    /// Read the events that are there, a turn of them at most.
    fn receive_events(&self) -> Result<(), Ended> {
        for _ in 0..TURN {
            let Some(frame) = receive(&self.link.events)? else {
                self.is_used.set(false);
                return Ok(());
            };
            if frame.get_more() {
                return Err(Ended::broken("an event in more than one frame"));
            }
            self.session.borrow_mut().receive_event(&frame)?;
        }
        self.is_used.set(true);
        Ok(())
    }

    /// Read what the core's SUB has to say. Looking is also what makes room visible for emits that wait.
    fn receive_emits(&self) -> Result<(), Ended> {
        while let Some(frame) = receive(&self.link.emits)? {
            match *frame {
                [1] => self.takes_emits.set(true),
                [0] => {
                    // XPUB says so of itself when the last peer has gone.
                    self.takes_emits.set(false);
                    return Err(Ended::new(EndKind::ConnectionLost, "the core closed its connection"));
                }
                _ => return Err(Ended::broken("a subscription to some of the emits")),
            }
        }
        Ok(())
    }

    /// Subscribe to a topic, or end that.
    pub fn subscribe(&self, topic: &str, is_wanted: bool) -> Result<()> {
        self.is_used.set(true);
        let (events, topic) = (&self.link.events, topic.as_bytes());
        let done = if is_wanted { events.set_subscribe(topic) } else { events.set_unsubscribe(topic) };
        done.map_err(lost).or_else(|ended| self.end(ended))
    }

    /// Send an event as the next one; waits only while the core does not read.
    pub fn emit(&self, emit: &Emit) -> Result<()> {
        if self.looked.get().elapsed() > LOOK {
            self.looked.set(Instant::now());
            self.turn(Some(Duration::ZERO))?;
        }
        self.check()?;
        loop {
            self.is_used.set(true);
            let seq = self.session.borrow().emitted + 1;
            if send(&self.link.emits, &emit.frame(seq), 0).or_else(|ended| self.end(ended))? {
                self.session.borrow_mut().emitted = seq;
                return Ok(());
            }
            // XPUB always calls itself writable: that there is room is seen on its descriptor alone, and asking the
            // socket before going to sleep could take just that edge.
            self.try_turn(None, true).or_else(|ended| self.end(ended))?;
        }
    }

    // -- the end ---------------------------------------------------------------------------------------------------

    /// Take leave: the core handles all that was emitted, and answers or cancels what is in flight.
    pub fn leave(&self) -> Result<()> {
        if matches!(*self.over.borrow(), Some(Over::Closed)) {
            return Ok(());
        }
        self.check()?;
        self.session.borrow_mut().bye();
        let deadline = Instant::now() + LEAVE;
        while self.state() != State::Left {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                say(&format!("the core has not answered bye within {} s", LEAVE.as_secs()));
                break;
            }
            if let Err(error) = self.turn(Some(left))
                && self.state() != State::Left
            {
                return Err(error);
            }
        }
        let session = self.session.borrow();
        if let Some(handled) = session.emits_handled.filter(|handled| *handled != session.emitted) {
            say(&format!("the core has handled {handled} of {} emits", session.emitted));
        }
        *self.over.borrow_mut() = Some(Over::Closed);
        Ok(())
    }

    /// The conversation has ended by itself: say why, if it is not just how workers end.
    fn end<T>(&self, ended: Ended) -> Result<T> {
        let ended = if ended.kind() == EndKind::ConnectionLost {
            match self.hear_last_words(ended) {
                Ok(()) => return self.end_left(),
                Err(ended) => ended,
            }
        } else {
            ended
        };
        if ended.kind() == EndKind::Stopped && !self.outlives {
            std::process::exit(0);
        }
        self.session.borrow_mut().channels.close_all();
        tell(&ended);
        *self.over.borrow_mut() = Some(Over::Ended(ended.clone()));
        Err(ended.into())
    }

    /// The leave was taken just before the connection was closed.
    fn end_left<T>(&self) -> Result<T> {
        *self.over.borrow_mut() = Some(Over::Closed);
        Err(Error::Closed)
    }

    /// The core has closed: read what it may have said before, for that is the better reason.
    fn hear_last_words(&self, loss: Ended) -> Result<(), Ended> {
        let until = Instant::now() + LAST_WORDS;
        while self.state() != State::Left {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            if left == 0 || self.link.commands.poll(zmq::POLLIN, i64::try_from(left).unwrap_or(0)) == Ok(0) {
                return Err(loss);
            }
            self.receive(1)?;
        }
        Ok(())
    }
}

/// Tell the operator: what a worker writes to standard error is in the log, with its label.
pub fn say(reason: &str) {
    let _ = writeln!(std::io::stderr(), "stockade_frontend: {reason}"); // who has closed it wants to hear nothing
}

/// Tell the operator why this worker ends, unless it is just how workers end.
pub fn tell(ended: &Ended) {
    if ended.status() != 0 {
        say(&ended.to_string());
    }
}
