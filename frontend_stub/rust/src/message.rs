//! The messages of the commands socket (protocol, section 5): their shapes when they come, their bytes when they go.
//!
//! Knows no conversation: what a message does, and when it may come, is the session's.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{CommandError, EncodeError, Ended};
use crate::grant::{Grant, Grants};
use crate::outbox::Parcel;
use crate::value::{Map, Value};
use crate::wire::{DEPTH, Writer, Written, check, decode, put, whole, written};

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u64 = 1;
/// More messages than these are in no batch, whatever the limits say.
const BATCH: usize = 1024;
/// More raw frames than these are behind no batch.
const FRAMES: usize = 63;
/// Bytes from which on they travel in a frame of their own, which the protocol leaves to the sender: no codec copies them
/// then, for the price of a frame more.
pub const RAW: usize = 16 * 1024;

/// What the core takes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the largest message on the commands socket, all frames together.
    pub message: usize,
    /// Bytes of the largest frame of an event or emit.
    pub event: usize,
    /// Messages of a batch.
    pub batch: usize,
    /// Calls in flight.
    pub calls: usize,
    /// Subscriptions.
    pub topics: usize,
    /// Containers within each other.
    pub depth: usize,
    /// Channels that this worker has opened and that are open.
    pub channels: usize,
    /// Raw frames of a message.
    pub frames: usize,
    /// What a call has that does not say; `None`: as long as it needs.
    pub deadline: Option<Duration>,
    /// Calls per second; `None`: any number.
    pub rate: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 0,
            event: 0,
            batch: 1,
            calls: 0,
            topics: 0,
            depth: DEPTH,
            channels: 0,
            frames: 0,
            deadline: None,
            rate: None,
        }
    }
}

/// What the core can say, as it stands: `Raw` and options have not been looked up.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Welcome(Box<Welcome>),
    Refused(CommandError),
    Call(Box<CoreCall>),
    Cancel(u64),
    Result(u64, Valued),
    Error(u64, CommandError),
    Item(u64, Valued),
    End(u64, Option<CommandError>),
    Credit(u64, u64),
    Drop(u64),
    Listening(String),
    Denied(String, CommandError),
    Missed(u64),
    Ping(u64),
    Pong(u64),
    Stop(Duration),
    Bye(u64),
    Breach(String),
}

impl Said {
    /// Its verb.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Refused(_) => "refused",
            Self::Call(_) => "call",
            Self::Cancel(_) => "cancel",
            Self::Result(..) => "result",
            Self::Error(..) => "error",
            Self::Item(..) => "item",
            Self::End(..) => "end",
            Self::Credit(..) => "credit",
            Self::Drop(_) => "drop",
            Self::Listening(_) => "listening",
            Self::Denied(..) => "denied",
            Self::Missed(_) => "missed",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Stop(_) => "stop",
            Self::Bye(_) => "bye",
            Self::Breach(_) => "breach",
        }
    }
}

/// Whom a welcome is for, and what this worker may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Welcome {
    pub worker: String,
    pub generation: u64,
    pub limits: Limits,
    pub grants: Grants,
}

/// A call of the core's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoreCall {
    pub id: u64,
    pub command: String,
    pub arguments: Map,
    pub deadline: Option<Duration>,
    pub caller: Option<String>,
    pub trace: Option<String>,
    pub channels: Vec<(String, Offer)>,
    pub raw: Vec<(String, u64)>,
    /// An option that is not known here and has to be: such a call is answered, and not run.
    pub insists: Option<String>,
}

/// A channel that a call of the core's opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub id: u64,
    /// Whether this side, the callee, receives.
    pub to_callee: bool,
    pub credit: u64,
}

/// The value of a result or an item: itself, or a raw frame's index.
#[derive(Clone, Debug, PartialEq)]
pub enum Valued {
    Value(Value),
    Raw(u64),
}

// -- reading -------------------------------------------------------------------------------------------------------

/// What does not fit a message's shape, in words for the log.
type Unshaped = &'static str;

/// The messages of a batch, each read when its turn comes.
pub fn read_batch(frame: &[u8]) -> Result<Vec<Value>, Ended> {
    match decode(frame) {
        Ok(Value::Array(messages)) if (1..=BATCH).contains(&messages.len()) => Ok(messages),
        Ok(_) => Err(Ended::broken(format!("a frame that is no batch of 1 to {BATCH} messages"))),
        Err(error) => Err(Ended::broken(format!("a frame that cannot be read: {error}"))),
    }
}

/// What a message of the core says; elements behind those of its shape are ignored. What has none is the core's fault.
pub fn read(message: Value) -> Result<Said, Ended> {
    let Value::Array(elements) = message else {
        return Err(Ended::broken("a message that is no array"));
    };
    let mut elements = VecDeque::from(elements);
    let Some(Value::Text(verb)) = elements.pop_front() else {
        return Err(Ended::broken("a message without a verb"));
    };
    read_elements(&verb, Elements(elements)).map_err(|why| Ended::broken(format!("{verb:?} with {why}")))
}

fn read_elements(verb: &str, mut elements: Elements) -> Result<Said, Unshaped> {
    Ok(match verb {
        "result" => Said::Result(elements.number()?, elements.valued()?),
        "item" => Said::Item(elements.number()?, elements.valued()?),
        "error" => Said::Error(elements.number()?, elements.error()?),
        "call" => Said::Call(Box::new(elements.call()?)),
        "cancel" => Said::Cancel(elements.number()?),
        "end" => Said::End(elements.number()?, elements.may(Elements::error)?),
        "credit" => Said::Credit(elements.number()?, elements.number()?),
        "drop" => Said::Drop(elements.number()?),
        "listening" => Said::Listening(elements.text()?),
        "denied" => Said::Denied(elements.text()?, elements.error()?),
        "missed" => Said::Missed(elements.number()?),
        "ping" => Said::Ping(elements.number()?),
        "pong" => Said::Pong(elements.number()?),
        "stop" => Said::Stop(Duration::from_millis(number(&elements.map()?, "grace")?)),
        "bye" => Said::Bye(number(&elements.map()?, "emitted")?),
        "welcome" => Said::Welcome(Box::new(welcome(&elements.map()?)?)),
        "refused" => Said::Refused(elements.error()?),
        "breach" => {
            let end = elements.map()?;
            Said::Breach(format!("{}: {}", text(&end, "code")?, text(&end, "reason")?))
        }
        _ => return Err("a verb that the core does not have"),
    })
}

/// The elements behind a verb, of which each is taken in its turn.
struct Elements(VecDeque<Value>);

impl Elements {
    fn next(&mut self) -> Result<Value, Unshaped> {
        self.0.pop_front().ok_or("an element missing")
    }

    /// What may be missing, but must fit if it is there.
    fn may<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unshaped>) -> Result<Option<T>, Unshaped> {
        if self.0.is_empty() { Ok(None) } else { read(self).map(Some) }
    }

    fn number(&mut self) -> Result<u64, Unshaped> {
        whole(&self.next()?).ok_or("an element that is no integer of the protocol")
    }

    fn text(&mut self) -> Result<String, Unshaped> {
        if let Value::Text(text) = self.next()? { Ok(text) } else { Err("an element that is no text") }
    }

    fn map(&mut self) -> Result<Map, Unshaped> {
        if let Value::Map(map) = self.next()? { Ok(map) } else { Err("an element that is no map") }
    }

    fn error(&mut self) -> Result<CommandError, Unshaped> {
        let mut error = self.map()?;
        let mut take = |key| match error.remove(key) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err("an error without a code or a message"),
        };
        let (code, message) = (take("code")?, take("message")?);
        Ok(CommandError { code: code.into(), message, data: error.remove("data").unwrap_or_default() })
    }

    /// Options, of which none may insist on being known; the names of those that are known are not here.
    fn options(&mut self) -> Result<Map, Unshaped> {
        let options = self.map()?;
        if options.keys().any(|name| name.starts_with('!')) {
            return Err("an option that insists, and is not known here");
        }
        Ok(options)
    }

    fn valued(&mut self) -> Result<Valued, Unshaped> {
        let value = self.next()?;
        let options = self.may(Self::options)?.unwrap_or_default();
        match options.get("raw") {
            None => Ok(Valued::Value(value)),
            Some(index) if value == Value::Null => {
                whole(index).map(Valued::Raw).ok_or("a raw frame of no index")
            }
            Some(_) => Err("a raw frame beside a value"),
        }
    }

    fn call(&mut self) -> Result<CoreCall, Unshaped> {
        let (id, command, arguments) = (self.number()?, self.text()?, self.map()?);
        let mut options = self.may(Self::map)?.unwrap_or_default();
        let mut call = CoreCall { id, command, arguments, ..CoreCall::default() };
        call.deadline = match options.get("deadline") {
            None | Some(Value::Null) => None,
            Some(value) => Some(Duration::from_millis(whole(value).ok_or("a deadline that is none")?)),
        };
        call.caller = match options.remove("caller") {
            None => None,
            Some(Value::Text(caller)) => Some(caller),
            Some(_) => return Err("a caller that is no text"),
        };
        if let Some(Value::Text(trace)) = options.remove("trace") {
            call.trace = Some(trace);
        }
        call.insists = options.keys().find(|name| name.starts_with('!')).cloned();
        call.channels = by_name(&options, "channels", offer)?;
        call.raw = by_name(&options, "raw", |index| whole(index).ok_or("a raw frame of no index"))?;
        Ok(call)
    }
}

/// An option that is a map from arguments; none of them if it is missing.
fn by_name<T>(
    options: &Map,
    name: &str,
    read: impl Fn(&Value) -> Result<T, Unshaped>,
) -> Result<Vec<(String, T)>, Unshaped> {
    match options.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Map(map)) => map.iter().map(|(name, value)| Ok((name.clone(), read(value)?))).collect(),
        Some(_) => Err("an option that is no map"),
    }
}

fn offer(value: &Value) -> Result<Offer, Unshaped> {
    let offer = value.as_map().ok_or("a channel that is no map")?;
    let to_callee = match offer.get("to").and_then(Value::as_str) {
        Some("callee") => true,
        Some("caller") => false,
        _ => return Err("a channel that leads nowhere"),
    };
    // As the protocol has it, a credit beside "callee" means nothing.
    let credit = if to_callee { 0 } else { may(offer, "credit")?.unwrap_or(0) };
    Ok(Offer { id: number(offer, "id")?, to_callee, credit })
}

fn text<'a>(map: &'a Map, key: &str) -> Result<&'a str, Unshaped> {
    map.get(key).and_then(Value::as_str).ok_or("a text missing in its map")
}

fn number(map: &Map, key: &str) -> Result<u64, Unshaped> {
    map.get(key).and_then(whole).ok_or("an integer missing in its map")
}

fn size(map: &Map, key: &str) -> Result<usize, Unshaped> {
    usize::try_from(number(map, key)?).map_err(|_| "a limit that is too large for this machine")
}

fn may(map: &Map, key: &str) -> Result<Option<u64>, Unshaped> {
    map.get(key).map(|value| whole(value).ok_or("what should be an integer in its map")).transpose()
}

fn welcome(map: &Map) -> Result<Welcome, Unshaped> {
    number(map, "protocol")?;
    text(map, "core")?;
    let inside = |key| map.get(key).and_then(Value::as_map).ok_or("a map missing in the welcome");
    let (limits, grants) = (inside("limits")?, inside("grants")?);
    Ok(Welcome {
        worker: text(map, "worker")?.to_owned(),
        generation: number(map, "generation")?,
        limits: Limits {
            message: size(limits, "message")?,
            event: size(limits, "event")?,
            batch: size(limits, "batch")?,
            calls: size(limits, "calls")?,
            topics: size(limits, "topics")?,
            depth: size(limits, "depth")?,
            channels: size(limits, "channels")?,
            frames: size(limits, "frames")?,
            deadline: may(limits, "deadline")?.map(Duration::from_millis),
            rate: limits.get("rate").map(rate).transpose()?,
        },
        grants: Grants {
            commands: grant('.', grants.get("commands"))?,
            listen: grant('/', grants.get("listen"))?,
            emit: grant('/', grants.get("emit"))?,
        },
    })
}

#[allow(clippy::cast_precision_loss)] // so many calls a second there will never be
fn rate(value: &Value) -> Result<f64, Unshaped> {
    let rate = match value {
        Value::Int(rate) => *rate as f64,
        Value::Float(rate) => *rate,
        _ => return Err("a rate that is no number"),
    };
    if rate > 0.0 && rate.is_finite() { Ok(rate) } else { Err("a rate that allows nothing") }
}

fn grant(separator: char, value: Option<&Value>) -> Result<Grant, Unshaped> {
    let patterns = |side| -> Result<Vec<&str>, Unshaped> {
        let listed = value.and_then(|value| value.get(side)).and_then(Value::as_array);
        let listed = listed.ok_or("a grant without its lists")?;
        listed.iter().map(|pattern| pattern.as_str().ok_or("a pattern that is no text")).collect()
    };
    Ok(Grant::new(separator, patterns("allow")?, patterns("deny")?))
}

/// The raw frames behind one batch, each of which is to be referred to once.
#[derive(Debug, Default)]
pub struct Frames(Vec<Option<Vec<u8>>>);

impl Frames {
    pub fn new(frames: Vec<Vec<u8>>) -> Result<Self, Ended> {
        if frames.len() > FRAMES {
            return Err(Ended::broken(format!("more than {FRAMES} raw frames behind a batch")));
        }
        Ok(Self(frames.into_iter().map(Some).collect()))
    }

    /// The value that this says.
    pub fn of(&mut self, valued: Valued) -> Result<Value, Ended> {
        match valued {
            Valued::Value(value) => Ok(value),
            Valued::Raw(index) => self.take(index).map(Value::Bytes),
        }
    }

    /// The frame of this index, which begins with 1.
    pub fn take(&mut self, index: u64) -> Result<Vec<u8>, Ended> {
        let at = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        let frame = at.and_then(|at| self.0.get_mut(at)).and_then(Option::take);
        frame.ok_or_else(|| Ended::broken(format!("a raw frame {index} that there is not, or that is taken")))
    }

    /// The batch has been read: nothing may be left.
    pub fn check_all_taken(&self) -> Result<(), Ended> {
        if self.0.iter().all(Option::is_none) {
            Ok(())
        } else {
            Err(Ended::broken("a raw frame that no message refers to"))
        }
    }
}

// -- writing -------------------------------------------------------------------------------------------------------

/// `hello`, with the name of this stub.
pub fn hello(stub: &str) -> Vec<u8> {
    written(|w| {
        w.array(2)?.str("hello")?.map(2)?.str("protocol")?.u64(PROTOCOL)?.str("stub")?.str(stub)?.ok()
    })
}

/// `ready`, with the concurrency of each command that is exported, and whether it may be run twice.
pub fn ready<'a>(exports: impl ExactSizeIterator<Item = (&'a str, u32, bool)>) -> Vec<u8> {
    written(|w| {
        if exports.len() == 0 {
            return w.array(1)?.str("ready")?.ok();
        }
        w.array(2)?.str("ready")?.map(1)?.str("exports")?.map(exports.len() as u64)?;
        for (name, concurrency, idempotent) in exports {
            w.str(name)?.map(2)?.str("concurrency")?.u32(concurrency)?.str("idempotent")?.bool(idempotent)?;
        }
        Ok(())
    })
}

/// `bye`, with the count of all emits.
pub fn bye(emitted: u64) -> Vec<u8> {
    written(|w| w.array(2)?.str("bye")?.map(1)?.str("emitted")?.u64(emitted)?.ok())
}

/// A verb and a number: `cancel`, `drop`, `end`, `ping`, `pong`.
pub fn numbered(verb: &str, number: u64) -> Vec<u8> {
    written(|w| w.array(2)?.str(verb)?.u64(number)?.ok())
}

/// `credit`.
pub fn credit(channel: u64, count: u64) -> Vec<u8> {
    written(|w| w.array(3)?.str("credit")?.u64(channel)?.u64(count)?.ok())
}

/// `error` or `end`, with an error. Of its data what cannot be sent is left out.
pub fn failed(verb: &str, number: u64, error: &CommandError, depth: usize) -> Vec<u8> {
    // An array, a map: two containers stand around the data, and the batch around them.
    let unsaid = check(&error.data, depth.saturating_sub(3)).err();
    let has_data = error.data != Value::Null && unsaid.is_none();
    let message = match unsaid {
        None => error.message.clone(),
        Some(fault) => format!("{} (its data cannot be sent: {fault})", error.message),
    };
    written(|w| {
        w.array(3)?.str(verb)?.u64(number)?.map(2 + u64::from(has_data))?;
        w.str("code")?.str(&error.code)?.str("message")?.str(&message)?;
        if has_data { put(w.str("data")?, &error.data) } else { Ok(()) }
    })
}

/// `result` or `item`, bytes that are large in a frame of their own. `depth` is what a whole frame may have.
pub fn valued(verb: &str, number: u64, value: Value, depth: usize) -> Result<Parcel, EncodeError> {
    if let Value::Bytes(bytes) = value {
        if bytes.len() >= RAW {
            let head =
                written(|w| w.array(4)?.str(verb)?.u64(number)?.null()?.map(1)?.str("raw")?.u8(1)?.ok());
            return Ok(Parcel { head, frames: vec![bytes] });
        }
        return Ok(written(|w| w.array(3)?.str(verb)?.u64(number)?.bytes(&bytes)?.ok()).into());
    }
    check(&value, depth.saturating_sub(2))?;
    Ok(written(|w| put(w.array(3)?.str(verb)?.u64(number)?, &value)).into())
}

/// How long the caller of a call waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deadline {
    /// As the core has it.
    #[default]
    Unsaid,
    /// For ever.
    Never,
    /// So many milliseconds from now.
    In(u64),
}

/// What stands behind the arguments of a call.
#[derive(Debug, Default)]
pub struct CallOptions<'a> {
    pub deadline: Deadline,
    pub parent: Option<u64>,
    pub trace: Option<&'a str>,
    pub idempotent: bool,
    /// By argument: the id, and for what this side receives the credit to begin with.
    pub channels: Vec<(&'a str, u64, Option<u64>)>,
    /// The arguments that are raw frames, in the order of these.
    pub raw: Vec<&'a str>,
}

/// `call`, its arguments an encoded map.
pub fn call(id: u64, command: &str, arguments: &[u8], options: &CallOptions<'_>) -> Vec<u8> {
    let count = options.count();
    let mut message =
        written(|w| w.array(if count == 0 { 4 } else { 5 })?.str("call")?.u64(id)?.str(command)?.ok());
    message.extend_from_slice(arguments);
    if count > 0 {
        message.extend_from_slice(&written(|w| options.write(w.map(count)?)));
    }
    message
}

impl CallOptions<'_> {
    fn count(&self) -> u64 {
        [
            self.deadline != Deadline::Unsaid,
            self.parent.is_some(),
            self.trace.is_some(),
            self.idempotent,
            !self.channels.is_empty(),
            !self.raw.is_empty(),
        ]
        .map(u64::from)
        .iter()
        .sum()
    }

    fn write(&self, w: &mut Writer<'_>) -> Written {
        match self.deadline {
            Deadline::Unsaid => {}
            Deadline::Never => w.str("deadline")?.null()?.ok()?,
            Deadline::In(left) => w.str("deadline")?.u64(left)?.ok()?,
        }
        if let Some(parent) = self.parent {
            w.str("parent")?.u64(parent)?;
        }
        if let Some(trace) = self.trace {
            w.str("trace")?.str(trace)?;
        }
        if self.idempotent {
            w.str("idempotent")?.bool(true)?;
        }
        if !self.channels.is_empty() {
            w.str("channels")?.map(self.channels.len() as u64)?;
            for (name, id, credit) in &self.channels {
                w.str(name)?.map(2 + u64::from(credit.is_some()))?.str("id")?.u64(*id)?.str("to")?;
                match credit {
                    None => w.str("callee")?,
                    Some(credit) => w.str("caller")?.str("credit")?.u64(*credit)?,
                };
            }
        }
        if !self.raw.is_empty() {
            w.str("raw")?.map(self.raw.len() as u64)?;
            for (name, index) in self.raw.iter().zip(1_u64..) {
                w.str(name)?.u64(index)?;
            }
        }
        Ok(())
    }
}
