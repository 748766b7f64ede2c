//! Events on the worker's side: names and topics, what came and waits. Knows no socket.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;

use crate::error::{EncodeError, Ended, Error, Result};
use crate::value::Value;
use crate::wire::{check, decode, put, whole, written};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its name.
    pub name: String,
    /// What it says.
    pub payload: Value,
    /// Who emitted it: a worker's label, or `core`.
    pub source: String,
    /// Its number among those that were meant for this worker, from 1: a gap is what it has missed.
    pub seq: u64,
    /// The W3C traceparent that it came with. Calls and emits of its handlers go on with it.
    pub trace: Option<String>,
}

impl Event {
    /// What it says, as a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(crate::from_value(self.payload.clone())?)
    }
}

/// Whether this may name an event. What ends in a slash is a prefix, and none.
pub fn is_event(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.ends_with('/')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/:.-".contains(&byte))
}

/// What to subscribe to, so as to get the event of this name, or, if it ends in a slash, all whose names begin so.
pub fn topic_of(name: &str) -> Result<String> {
    let is_prefix = name.ends_with('/');
    if !is_event(name.strip_suffix('/').unwrap_or(name)) {
        return Err(no_event(name, "(a prefix ends in one slash)"));
    }
    Ok(if is_prefix { name.to_owned() } else { format!("{name}|") })
}

/// Refuse what may name no event: the worker's own bug.
pub fn check_event(name: &str) -> Result<()> {
    if is_event(name) { Ok(()) } else { Err(no_event(name, "(and no slash at the end)")) }
}

fn no_event(name: &str, rest: &str) -> Error {
    Error::misuse(format!("{name:?} is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . - {rest}"))
}

/// The event that a frame of the events socket says; if it says none, that is the core's fault.
pub fn read_event(frame: &[u8]) -> Result<Event, Ended> {
    let broken = |why: &str| Ended::broken(format!("an event {why}"));
    let bar = frame.iter().position(|byte| *byte == b'|').ok_or_else(|| broken("without a bar"))?;
    let (topic, body) = frame.split_at(bar);
    let name = std::str::from_utf8(topic).ok().filter(|name| is_event(name));
    let name = name.ok_or_else(|| broken("without a name"))?.to_owned();
    let body = decode(body.get(1..).unwrap_or_default()).map_err(|error| broken(&error.to_string()))?;
    let Value::Array(elements) = body else { return Err(broken("that is no array")) };
    let mut elements = elements.into_iter();
    let (Some(seq), Some(Value::Text(source)), Some(payload)) =
        (elements.next(), elements.next(), elements.next())
    else {
        return Err(broken("that is not [seq, source, payload]"));
    };
    let seq = whole(&seq).filter(|seq| *seq > 0).ok_or_else(|| broken("without a number"))?;
    let trace = elements.next().and_then(|options| Some(options.get("trace")?.as_str()?.to_owned()));
    Ok(Event { name, payload, source, seq, trace })
}

/// An event to be emitted, all but its number.
#[derive(Clone, Debug)]
pub struct Emit {
    name: String,
    behind: Vec<u8>,
    has_options: bool,
}

impl Emit {
    /// `depth` is what a whole frame may have.
    pub fn new(
        name: &str,
        payload: &Value,
        to: Option<&str>,
        trace: Option<&str>,
        depth: usize,
    ) -> Result<Self, EncodeError> {
        check(payload, depth.saturating_sub(1))?;
        let options: Vec<_> = [("to", to), ("trace", trace)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let behind = written(|w| {
            put(w, payload)?;
            if !options.is_empty() {
                w.map(options.len() as u64)?;
                for (name, value) in &options {
                    w.str(name)?.str(value)?;
                }
            }
            Ok(())
        });
        Ok(Self { name: name.to_owned(), behind, has_options: !options.is_empty() })
    }

    /// Bytes of its frame, at the most.
    pub fn size(&self) -> usize {
        self.name.len() + 1 + 1 + 9 + self.behind.len()
    }

    /// The frame, as the event of this number.
    pub fn frame(&self, seq: u64) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.size());
        frame.extend_from_slice(self.name.as_bytes());
        frame.push(b'|');
        frame.extend_from_slice(&written(|w| w.array(2 + u64::from(self.has_options))?.u64(seq)?.ok()));
        frame.extend_from_slice(&self.behind);
        frame
    }
}

/// Events that have come and wait for their handlers, up to a bound, and the count of those that were missed.
#[derive(Debug)]
pub struct Inbox {
    bound: usize,
    waiting: VecDeque<Event>,
    last: u64,
    gaps: u64,
    dropped_to: u64,
    overflowed: u64,
}

impl Inbox {
    pub fn new(bound: usize) -> Self {
        Self { bound, waiting: VecDeque::new(), last: 0, gaps: 0, dropped_to: 0, overflowed: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Take in the next event. One that comes again, or out of its order, is the core's fault.
    pub fn put(&mut self, event: Event) -> Result<(), Ended> {
        if event.seq <= self.last {
            return Err(Ended::broken(format!("event number {} after number {}", event.seq, self.last)));
        }
        self.gaps += event.seq - self.last - 1;
        self.last = event.seq;
        if self.waiting.len() < self.bound {
            self.waiting.push_back(event);
        } else {
            self.overflowed += 1;
        }
        Ok(())
    }

    /// The oldest event that waits.
    pub fn take(&mut self) -> Option<Event> {
        self.waiting.pop_front()
    }

    /// The core says that events were dropped, the last of them of this number.
    pub fn dropped(&mut self, seq: u64) {
        self.dropped_to = self.dropped_to.max(seq);
    }

    /// Events meant for this worker that no handler will see. What is still on its way when the core tells of later
    /// drops is counted too, until it arrives.
    pub fn missed(&self) -> u64 {
        self.gaps + self.overflowed + self.dropped_to.saturating_sub(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Event {
        Event { name: "a".into(), payload: Value::Null, source: "core".into(), seq, trace: None }
    }

    #[test]
    fn what_the_numbers_leave_out_was_missed() {
        let mut inbox = Inbox::new(8);
        inbox.put(event(2)).unwrap();
        inbox.dropped(5);
        assert_eq!(inbox.missed(), 1 + 3);
        inbox.put(event(4)).unwrap();
        assert_eq!(inbox.missed(), 2 + 1);
        assert!(inbox.put(event(4)).is_err());
    }

    #[test]
    fn what_is_over_the_bound_was_missed() {
        let mut inbox = Inbox::new(1);
        inbox.put(event(1)).unwrap();
        inbox.put(event(2)).unwrap();
        assert_eq!((inbox.len(), inbox.missed()), (1, 1));
    }

    #[test]
    fn a_topic_is_a_name_and_a_bar_or_a_prefix() {
        assert_eq!(topic_of("notes/changed").unwrap(), "notes/changed|");
        assert_eq!(topic_of("notes/").unwrap(), "notes/");
        for name in ["", "/", "notes//", "no|tes", "näh"] {
            assert!(topic_of(name).is_err(), "{name:?}");
        }
    }
}
