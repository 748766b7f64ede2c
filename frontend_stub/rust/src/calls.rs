//! The calls that this worker makes: from the asking until the one answer each has (protocol, section 5).
//!
//! Knows no socket and no clock. A call is *held* while there is no room for it, *in flight* once its message is in the
//! outbox, *put off* when the core has said `busy`; then it is made anew, under its next id.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::channels::{Channels, EndKey};
use crate::error::{CommandError, Ended, Error, Result, code};
use crate::grant::Grant;
use crate::message::{CallOptions, Deadline, Limits, RAW, call, numbered};
use crate::outbox::{LARGEST_HEAD, Parcel};
use crate::pace::Pace;
use crate::value::{Map, Value};
use crate::wire::{check, put, written};

/// Before a call that was answered `busy` is tried again: doubled each time, from the first to the last.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(200)];

/// What a call is known by on this side, however often it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// How long a call may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// As the core has it.
    #[default]
    Default,
    /// As long as it needs.
    Forever,
    /// Until then.
    Until(Instant),
}

/// What is asked for, and how.
#[derive(Debug, Default)]
pub struct Asking {
    pub command: String,
    pub arguments: Map,
    pub ends: Vec<(String, EndKey)>,
    pub time: Time,
    /// Whether it is not tried again when the core is busy.
    pub at_once: bool,
    pub idempotent: bool,
    pub trace: Option<String>,
    /// The call that is being handled, which this one is part of.
    pub parent: Option<u64>,
}

#[derive(Debug)]
struct Asked {
    /// 0 while it is not in flight.
    id: u64,
    command: String,
    arguments: Vec<u8>,
    raw: Vec<(String, Vec<u8>)>,
    ends: Vec<(String, EndKey)>,
    time: Time,
    at_once: bool,
    idempotent: bool,
    trace: Option<String>,
    parent: Option<u64>,
    /// When to try it again, and how often it was.
    again: Option<Instant>,
    tries: u32,
    answer: Option<Result<Value, CommandError>>,
    /// Whether the program wants no answer.
    is_released: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Calls {
    flight: HashMap<u64, Ticket>,
    asked: HashMap<Ticket, Asked>,
    /// Those that wait for room, in their order, and some that do not any more.
    held: VecDeque<Ticket>,
    /// What is to be looked at, and when.
    timers: BTreeSet<(Instant, Ticket)>,
    /// When the pace lets the next one go, if one is held for it.
    paced: Option<Instant>,
    last: u64,
    last_ticket: u64,
    grant: Grant,
    limits: Limits,
    pace: Option<Pace>,
    may_speak: bool,
}

impl Calls {
    /// The core's welcome.
    pub fn open(&mut self, limits: &Limits, grant: &Grant) {
        self.limits = limits.clone();
        self.grant = grant.clone();
        self.pace = limits.rate.map(Pace::new);
        self.may_speak = true;
    }

    // -- asking ----------------------------------------------------------------------------------------------------

    /// Ask for a command: in flight at once if there is room, else held until there is.
    pub fn ask(&mut self, asking: Asking, now: Instant, channels: &mut Channels) -> Result<Ticket> {
        if !self.may_speak {
            return Err(Error::Closed);
        }
        if !self.grant.allows(&asking.command) {
            let reason = format!("{:?} (this worker's grants say so; nothing was sent)", asking.command);
            return Err(Error::command(code::NOT_ALLOWED, format!("it may not call {reason}")));
        }
        if !asking.ends.is_empty() && !channels.has_room(asking.ends.len()) {
            return Err(Error::command(code::BUSY, "no more channels may be open (nothing was sent)"));
        }
        let asked = self.prepare(asking)?;
        let has_room = self.has_room() && self.pace.as_mut().is_none_or(|pace| pace.take(now).is_ok());
        if !has_room && asked.at_once {
            return Err(Error::command(code::BUSY, "no more calls may be made now (nothing was sent)"));
        }
        channels.bind(&asked.ends)?;
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        if let Time::Until(deadline) = asked.time {
            self.timers.insert((deadline, ticket));
        }
        self.asked.insert(ticket, asked);
        if !has_room {
            self.held.push_back(ticket);
            self.paced = self.pace.is_some().then_some(now); // when exactly, `admit` finds out
        } else if let Err(error) = self.send(ticket, now, channels) {
            self.answer(ticket, Err(error.clone()));
            self.release(ticket);
            return Err(error.into());
        }
        Ok(ticket)
    }

    fn prepare(&self, asking: Asking) -> Result<Asked> {
        let mut arguments = asking.arguments;
        if let Some((name, _)) = asking.ends.iter().find(|(name, _)| arguments.contains_key(name)) {
            return Err(Error::misuse(format!("the argument {name:?} is a channel and a value")));
        }
        let is_raw = |value: &Value| value.as_bytes().is_some_and(|bytes| bytes.len() >= RAW);
        let names: Vec<_> =
            arguments.iter().filter(|(_, value)| is_raw(value)).map(|(name, _)| name.clone()).collect();
        let mut raw = Vec::new();
        for name in names.into_iter().take(self.limits.frames) {
            if let Some((name, Value::Bytes(bytes))) = arguments.remove_entry(&name) {
                raw.push((name, bytes));
            }
        }
        // A batch and a call stand around the arguments, and these are a map: so deep may each of them be.
        for (name, value) in &arguments {
            check(value, self.limits.depth.saturating_sub(3)).map_err(|error| error.under(name))?;
        }
        let arguments = written(|w| {
            w.map(arguments.len() as u64)?;
            arguments.iter().try_for_each(|(name, value)| put(w.str(name)?, value))
        });
        Ok(Asked {
            id: 0,
            command: asking.command,
            arguments,
            raw,
            ends: asking.ends,
            time: asking.time,
            at_once: asking.at_once,
            idempotent: asking.idempotent,
            trace: asking.trace,
            parent: asking.parent,
            again: None,
            tries: 0,
            answer: None,
            is_released: false,
        })
    }

    fn has_room(&self) -> bool {
        self.held.is_empty() && self.flight.len() < self.limits.calls
    }

    /// There may be room: send what is held, as far as it goes.
    pub fn admit(&mut self, now: Instant, channels: &mut Channels) {
        self.paced = None;
        while self.flight.len() < self.limits.calls {
            let Some(&ticket) = self.held.front() else { return };
            if self.asked.get(&ticket).is_some_and(|asked| asked.answer.is_none()) {
                if let Some(Err(pause)) = self.pace.as_mut().map(|pace| pace.take(now)) {
                    self.paced = now.checked_add(pause);
                    return;
                }
                if let Err(error) = self.send(ticket, now, channels) {
                    self.fail(ticket, error, channels);
                }
            }
            self.held.pop_front();
        }
    }

    fn send(&mut self, ticket: Ticket, now: Instant, channels: &mut Channels) -> Result<(), CommandError> {
        let Some(asked) = self.asked.get_mut(&ticket) else { return Ok(()) };
        let id = self.last + 1;
        let options = CallOptions {
            deadline: match asked.time {
                Time::Default => Deadline::Unsaid,
                Time::Forever => Deadline::Never,
                Time::Until(deadline) => Deadline::In(milliseconds(deadline.saturating_duration_since(now))),
            },
            parent: asked.parent,
            trace: asked.trace.as_deref(),
            idempotent: asked.idempotent,
            channels: channels.offers(&asked.ends),
            raw: asked.raw.iter().map(|(name, _)| name.as_str()).collect(),
        };
        let head = call(id, &asked.command, &asked.arguments, &options);
        let size = head.len() + asked.raw.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        if size + LARGEST_HEAD > self.limits.message {
            let reason =
                format!("{size} bytes, where a call may have {} (nothing was sent)", self.limits.message);
            return Err(CommandError::new(
                code::TOO_LARGE,
                format!("{reason}; pass what is larger through a channel"),
            ));
        }
        let frames = asked.raw.iter().map(|(_, bytes)| bytes.clone()).collect();
        (asked.id, self.last) = (id, id);
        self.flight.insert(id, ticket);
        channels.open(&asked.ends);
        channels.outbox.put(Parcel { head, frames });
        channels.say_ends(&asked.ends);
        Ok(())
    }

    // -- answers ---------------------------------------------------------------------------------------------------

    /// The core's answer to the call of this id is a result.
    pub fn succeeded(&mut self, id: u64, value: Value) -> Result<(), Ended> {
        let ticket = self.landed(id)?;
        self.answer(ticket, Ok(value));
        Ok(())
    }

    /// The core's answer to the call of this id is an error.
    pub fn failed(
        &mut self,
        id: u64,
        error: CommandError,
        now: Instant,
        channels: &mut Channels,
    ) -> Result<(), Ended> {
        let ticket = self.landed(id)?;
        let is_again = self.may_speak
            && error.is(code::BUSY)
            && self.asked.get(&ticket).is_some_and(|asked| asked.answer.is_none() && !asked.at_once);
        if is_again {
            self.put_off(ticket, &error, now, channels);
        } else {
            self.fail(ticket, error, channels);
        }
        Ok(())
    }

    fn landed(&mut self, id: u64) -> Result<Ticket, Ended> {
        let never =
            || Ended::broken(format!("an answer to call {id}, which was never made or has been answered"));
        self.flight.remove(&id).ok_or_else(never)
    }

    fn fail(&mut self, ticket: Ticket, error: CommandError, channels: &mut Channels) {
        if let Some(asked) = self.asked.get(&ticket).filter(|asked| asked.answer.is_none()) {
            for (_, key) in &asked.ends {
                channels.close(*key, Some(error.clone()));
            }
            channels.unbind(&asked.ends);
        }
        self.answer(ticket, Err(error));
    }

    /// This is its answer, unless it has one: then that has crossed a cancel, and counts no more.
    fn answer(&mut self, ticket: Ticket, answer: Result<Value, CommandError>) {
        let Some(asked) = self.asked.get_mut(&ticket).filter(|asked| asked.answer.is_none()) else { return };
        asked.answer = Some(answer);
        if let Time::Until(deadline) = asked.time {
            self.timers.remove(&(deadline, ticket));
        }
        if let Some(again) = asked.again.take() {
            self.timers.remove(&(again, ticket));
        }
        if asked.is_released {
            self.asked.remove(&ticket);
        }
    }

    /// The core is busy: try again a little later, at the deadline at the latest.
    fn put_off(&mut self, ticket: Ticket, error: &CommandError, now: Instant, channels: &mut Channels) {
        let Some(asked) = self.asked.get_mut(&ticket) else { return };
        channels.forget(&asked.ends);
        asked.id = 0;
        // The core's own deadline holds from the first try on: else each would have it anew.
        let default = self.limits.deadline.and_then(|time| now.checked_add(time));
        if let (Time::Default, Some(deadline)) = (asked.time, default) {
            asked.time = Time::Until(deadline);
            self.timers.insert((deadline, ticket));
        }
        let told = error.data.get("retry_after_ms").and_then(crate::wire::whole).map(Duration::from_millis);
        let [first, last] = PAUSES;
        let pause = (first * (1 << asked.tries.min(8))).min(last);
        // Half of it by chance, so that those who were refused together do not come again together.
        let pause = told.unwrap_or_default().max(pause / 2 + pause.mul_f64(0.5 * chance()));
        asked.tries += 1;
        let again = now + pause.min(Duration::from_secs(60));
        asked.again = Some(again);
        self.timers.insert((again, ticket));
    }

    /// Whether it has its answer.
    pub fn is_answered(&self, ticket: Ticket) -> bool {
        self.asked.get(&ticket).is_none_or(|asked| asked.answer.is_some())
    }

    /// Whether it has gone, or need not any more.
    pub fn has_gone(&self, ticket: Ticket) -> bool {
        self.asked.get(&ticket).is_none_or(|asked| asked.id != 0 || asked.answer.is_some())
    }

    /// Its answer, if it has one, which is handed out once.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Value, CommandError>> {
        self.asked.get(&ticket)?.answer.as_ref()?;
        self.asked.remove(&ticket)?.answer
    }

    /// The program wants no answer.
    pub fn release(&mut self, ticket: Ticket) {
        if let Some(asked) = self.asked.get_mut(&ticket) {
            asked.is_released = true;
            if asked.answer.is_some() {
                self.asked.remove(&ticket);
            }
        }
    }

    /// How many await an answer.
    pub fn len(&self) -> usize {
        self.asked.values().filter(|asked| asked.answer.is_none()).count()
    }

    // -- time ------------------------------------------------------------------------------------------------------

    /// When to look at them again, if ever.
    pub fn next(&self) -> Option<Instant> {
        let first = self.timers.first().map(|(when, _)| *when);
        first.into_iter().chain(self.paced).min()
    }

    /// See to what is due by now.
    pub fn wake(&mut self, now: Instant, channels: &mut Channels) {
        while let Some(&(when, ticket)) = self.timers.first().filter(|(when, _)| *when <= now) {
            self.timers.remove(&(when, ticket));
            let Some(asked) = self.asked.get_mut(&ticket) else { continue };
            if asked.time == Time::Until(when) {
                let state = if asked.id == 0 {
                    "busy for all of its time, so it never ran"
                } else {
                    "no answer in its time"
                };
                let error = CommandError::new(code::DEADLINE_EXCEEDED, format!("{}: {state}", asked.command));
                self.cancel(ticket, error, channels);
            } else if asked.again == Some(when) {
                asked.again = None;
                self.held.push_back(ticket);
            }
        }
        self.admit(now, channels);
    }

    // -- the end of some -------------------------------------------------------------------------------------------

    /// Nobody wants its answer any more: it ends with this error, here; the core is told if it knows of the call.
    ///
    /// Its id and its place among those in flight stay taken until the core's answer, which is ignored.
    pub fn cancel(&mut self, ticket: Ticket, error: CommandError, channels: &mut Channels) -> bool {
        let Some(asked) = self.asked.get(&ticket).filter(|asked| asked.answer.is_none()) else {
            return false;
        };
        if asked.id != 0 && self.may_speak {
            channels.outbox.put(numbered("cancel", asked.id));
        }
        for (_, key) in &asked.ends {
            // The answer may have crossed, and a result leaves channels open: so each is ended too.
            channels.finish(*key, Some(error.clone()));
        }
        channels.unbind(&asked.ends);
        self.answer(ticket, Err(error));
        true
    }

    /// The call that was being handled when these were made should not go on, so neither should these.
    pub fn cancel_nested(&mut self, parent: u64, error: &CommandError, channels: &mut Channels) {
        let is_part = |asked: &Asked| asked.parent == Some(parent) && asked.answer.is_none();
        let nested: Vec<_> =
            self.asked.iter().filter(|(_, asked)| is_part(asked)).map(|(ticket, _)| *ticket).collect();
        for ticket in nested {
            self.cancel(ticket, error.clone(), channels);
        }
    }

    /// Nothing more may be said: what is not in flight never will be.
    pub fn close(&mut self, channels: &mut Channels) {
        self.may_speak = false;
        self.held.clear();
        let unsent: Vec<_> =
            self.asked.iter().filter(|(_, asked)| asked.id == 0).map(|(ticket, _)| *ticket).collect();
        for ticket in unsent {
            self.cancel(ticket, CommandError::new(code::CANCELLED, "this worker leaves"), channels);
        }
    }
}

/// In whole milliseconds, rounded up: what is left must not look like nothing.
fn milliseconds(left: Duration) -> u64 {
    u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(crate::wire::LARGEST_ID)
}

/// Anything from 0 to 1: the seeds of hash maps are chance.
#[allow(clippy::cast_precision_loss)] // 16 bits
fn chance() -> f64 {
    (RandomState::new().build_hasher().finish() & 0xffff) as f64 / 65536.0
}
