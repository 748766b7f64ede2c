//! The channels of one worker's conversation (protocol, section 5): who may send, what has come, how each ends.
//!
//! Knows no call and no socket. A channel is one-way; a worker numbers those that it opens odd, the core even.

use std::collections::{HashMap, VecDeque};

use crate::error::{CommandError, Ended, Error, Result, code};
use crate::message::{Offer, credit, failed, numbered, valued};
use crate::outbox::{LARGEST_HEAD, Outbox};
use crate::value::Value;
use crate::wire::{DEPTH, LARGEST_ID};

/// Items that a sender may be ahead of its receiver, unless the receiver says otherwise.
pub const CREDIT: u64 = 64;

/// What an end is known by on this side; its id is there only once the call that opens it has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndKey(u64);

/// One end of a channel, this worker's.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // which are independent of each other
struct End {
    way: Way,
    /// 0 until the call that passes it has gone.
    id: u64,
    /// Whether a call has it.
    is_bound: bool,
    /// Whether nothing more will be sent or come, and why, if not because the sender has just ended it.
    is_over: bool,
    error: Option<CommandError>,
    /// Whether it was the receiver that ended it.
    is_dropped: bool,
    /// Whether the program has let go of it.
    is_released: bool,
}

#[derive(Debug)]
enum Way {
    /// It sends, so many items for now.
    Out { credit: u64 },
    /// It receives, at most `window` items ahead of whoever takes them; `granted` may still come, and for `owed` that
    /// were taken no new credit has been granted yet.
    In { window: u64, granted: u64, owed: u64, items: VecDeque<Value> },
}

/// All that are open, the numbers of those that were, and the way out.
#[derive(Debug)]
pub struct Channels {
    pub outbox: Outbox,
    /// What `welcome` says: how many this worker may have open, bytes of a message, containers within each other.
    pub limit: usize,
    pub size: usize,
    pub depth: usize,
    ends: HashMap<EndKey, End>,
    open: HashMap<u64, EndKey>,
    last_key: u64,
    /// The ids used last: this worker's next one is `next_own`.
    next_own: u64,
    last_of_core: u64,
}

impl Channels {
    pub fn new() -> Self {
        Self {
            outbox: Outbox::new(),
            limit: 0,
            size: 0,
            depth: DEPTH,
            ends: HashMap::new(),
            open: HashMap::new(),
            last_key: 0,
            next_own: 1,
            last_of_core: 0,
        }
    }

    // -- opening ---------------------------------------------------------------------------------------------------

    /// An end to send on, to be passed to a call.
    pub fn new_sender(&mut self) -> EndKey {
        self.add(Way::Out { credit: 0 })
    }

    /// An end to receive from, to be passed to a call.
    pub fn new_receiver(&mut self, window: u64) -> EndKey {
        self.add(Way::In { window, granted: window, owed: 0, items: VecDeque::new() })
    }

    fn add(&mut self, way: Way) -> EndKey {
        self.last_key += 1;
        let key = EndKey(self.last_key);
        let end = End {
            way,
            id: 0,
            is_bound: false,
            is_over: false,
            error: None,
            is_dropped: false,
            is_released: false,
        };
        self.ends.insert(key, end);
        key
    }

    /// Whether so many more may be opened from here.
    pub fn has_room(&self, count: usize) -> bool {
        self.open.keys().filter(|id| *id % 2 == 1).count() + count <= self.limit
    }

    /// A call has these from now on. An end belongs to one call.
    pub fn bind(&mut self, ends: &[(String, EndKey)]) -> Result<()> {
        let is_free = |key| self.ends.get(key).is_some_and(|end| !end.is_bound);
        let is_twice = |at: usize, key| ends.iter().skip(at + 1).any(|(_, other)| other == key);
        if ends.iter().enumerate().any(|(at, (_, key))| !is_free(key) || is_twice(at, key)) {
            return Err(Error::misuse("a channel belongs to one call: make another"));
        }
        for (_, key) in ends {
            if let Some(end) = self.ends.get_mut(key) {
                end.is_bound = true;
            }
        }
        Ok(())
    }

    /// What the call that passes these says of them: ids, the next ones, and the credit of what this side receives.
    pub fn offers<'a>(&self, ends: &'a [(String, EndKey)]) -> Vec<(&'a str, u64, Option<u64>)> {
        let ids = (self.next_own..).step_by(2);
        let credit = |key| match self.ends.get(key).map(|end| &end.way) {
            Some(Way::In { window, .. }) => Some(*window),
            _ => None,
        };
        ends.iter().zip(ids).map(|((name, key), id)| (name.as_str(), id, credit(key))).collect()
    }

    /// The call that passes these is sent.
    pub fn open(&mut self, ends: &[(String, EndKey)]) {
        for (_, key) in ends {
            if let Some(end) = self.ends.get_mut(key) {
                end.id = self.next_own;
                self.open.insert(end.id, *key);
            }
            self.next_own += 2;
        }
    }

    /// The message of the call that passes these stands in the outbox: what was ended while it was held is said now.
    pub fn say_ends(&mut self, ends: &[(String, EndKey)]) {
        for (_, key) in ends {
            if let Some(end) = self.ends.get(key).filter(|end| end.is_over) {
                self.open.remove(&end.id);
                let farewell = end.farewell(end.error.as_ref(), self.depth);
                self.outbox.put(farewell);
                self.sweep(*key);
            }
        }
    }

    /// The channels that a call of the core's opens. As a receiver this side grants a first credit at once.
    pub fn accept(&mut self, offers: &[(String, Offer)]) -> Result<Vec<(String, EndKey)>, Ended> {
        let last = self.last_of_core;
        let mut ends = Vec::with_capacity(offers.len());
        for (name, offer) in offers {
            if offer.id % 2 == 1 || offer.id <= last || self.open.contains_key(&offer.id) {
                return Err(Ended::broken(format!(
                    "a call that opens channel {}, after channel {last}",
                    offer.id
                )));
            }
            self.last_of_core = self.last_of_core.max(offer.id);
            let key = if offer.to_callee {
                self.outbox.put(credit(offer.id, CREDIT));
                self.new_receiver(CREDIT)
            } else {
                self.add(Way::Out { credit: offer.credit })
            };
            if let Some(end) = self.ends.get_mut(&key) {
                (end.id, end.is_bound) = (offer.id, true);
            }
            self.open.insert(offer.id, key);
            ends.push((name.clone(), key));
        }
        Ok(ends)
    }

    // -- what this worker says -------------------------------------------------------------------------------------

    /// Whether there is no reason to wait: an item or credit is there, or never will be.
    pub fn moves(&self, key: EndKey) -> bool {
        self.ends.get(&key).is_none_or(|end| {
            end.is_over
                || match &end.way {
                    Way::Out { credit } => *credit > 0,
                    Way::In { items, .. } => !items.is_empty(),
                }
        })
    }

    /// Whether a call has it.
    pub fn is_bound(&self, key: EndKey) -> bool {
        self.ends.get(&key).is_some_and(|end| end.is_bound)
    }

    /// Whether nothing more goes through it.
    pub fn is_over(&self, key: EndKey) -> bool {
        self.ends.get(&key).is_none_or(|end| end.is_over)
    }

    /// Whether its receiver, the core, has dropped it.
    pub fn is_dropped(&self, key: EndKey) -> bool {
        self.ends.get(&key).is_some_and(|end| end.is_dropped)
    }

    /// Whether it sends.
    pub fn is_sender(&self, key: EndKey) -> bool {
        self.ends.get(&key).is_some_and(|end| matches!(end.way, Way::Out { .. }))
    }

    /// Send an item, for which there must be credit.
    pub fn send(&mut self, key: EndKey, value: Value) -> Result<()> {
        let end = self.ends.get_mut(&key).filter(|end| !end.is_over || end.error.is_some());
        let Some(End { way: Way::Out { credit }, id, error, .. }) = end else {
            return Err(Error::misuse("this channel has been ended, so nothing more can be sent on it"));
        };
        if let Some(error) = error {
            return Err(error.clone().into());
        }
        let message = valued("item", *id, value, self.depth)?;
        if message.size() + LARGEST_HEAD > self.size {
            let reason =
                format!("an item of {} bytes, where a message may have {}", message.size(), self.size);
            return Err(Error::command(code::TOO_LARGE, format!("{reason}: send it in parts")));
        }
        *credit -= 1;
        self.outbox.put(message);
        Ok(())
    }

    /// The next item; none if it has ended, or the error that it ended with, which comes once.
    ///
    /// What was taken is granted anew, half of the window at a time.
    pub fn take(&mut self, key: EndKey) -> Result<Option<Value>, CommandError> {
        let Some(end) = self.ends.get_mut(&key) else { return Ok(None) };
        let Way::In { window, granted, owed, items } = &mut end.way else { return Ok(None) };
        let Some(item) = items.pop_front() else {
            return end.error.take().map_or(Ok(None), Err);
        };
        *owed += 1;
        if !end.is_over && 2 * *owed >= *window {
            *granted += *owed;
            self.outbox.put(credit(end.id, *owed));
            *owed = 0;
        }
        Ok(Some(item))
    }

    /// This side ends it, a sender with an error if it could not send everything. Doing so again does nothing.
    pub fn finish(&mut self, key: EndKey, error: Option<CommandError>) {
        let Some(end) = self.ends.get_mut(&key).filter(|end| !end.is_over) else { return };
        if let Way::In { items, .. } = &mut end.way {
            items.clear();
        }
        if self.open.contains_key(&end.id) {
            let farewell = end.farewell(error.as_ref(), self.depth);
            self.outbox.put(farewell);
        }
        self.close(key, error);
    }

    /// The program has let go of it, so it ends, as nobody will end it. A sender that this worker has opened ends with
    /// an error, for whoever was to end it may have failed; one that a handler had, which has answered, ends well.
    pub fn release(&mut self, key: EndKey) {
        let Some(end) = self.ends.get_mut(&key) else { return };
        end.is_released = true;
        let unended = matches!(end.way, Way::Out { .. }) && (end.id == 0 || end.id % 2 == 1);
        let error = || CommandError::new(code::FAILED, "its sender has let go of it, and had not ended it");
        self.finish(key, unended.then(error));
        self.sweep(key);
    }

    // -- what the core says ----------------------------------------------------------------------------------------

    /// An item has come.
    pub fn item(&mut self, id: u64, value: Value) -> Result<(), Ended> {
        if let Some(Way::In { granted, items, .. }) =
            self.find(id, "an item", false)?.map(|(_, end)| &mut end.way)
        {
            *granted = granted
                .checked_sub(1)
                .ok_or_else(|| Ended::broken(format!("an item on channel {id} over its credit")))?;
            items.push_back(value);
        }
        Ok(())
    }

    /// Its sender, the core, has ended it.
    pub fn ended(&mut self, id: u64, error: Option<CommandError>) -> Result<(), Ended> {
        if let Some((key, _)) = self.find(id, "an end", false)? {
            self.close(key, error);
        }
        Ok(())
    }

    /// Its receiver, the core, takes so many more.
    pub fn credited(&mut self, id: u64, count: u64) -> Result<(), Ended> {
        let broken = || Ended::broken(format!("a credit of {count} on channel {id}"));
        if count == 0 {
            return Err(broken());
        }
        if let Some(Way::Out { credit }) = self.find(id, "credit", true)?.map(|(_, end)| &mut end.way) {
            *credit = credit.checked_add(count).filter(|sum| *sum <= LARGEST_ID).ok_or_else(broken)?;
        }
        Ok(())
    }

    /// Its receiver, the core, wants nothing more.
    pub fn dropped(&mut self, id: u64) -> Result<(), Ended> {
        if let Some((key, end)) = self.find(id, "a drop", true)? {
            end.is_dropped = true;
            self.close(
                key,
                Some(CommandError::new(code::CANCELLED, "its receiver wants nothing more of this channel")),
            );
        }
        Ok(())
    }

    /// The open end of this id, which must be of the kind; none for one that has ended, whose messages have crossed it.
    fn find(&mut self, id: u64, what: &str, is_sender: bool) -> Result<Option<(EndKey, &mut End)>, Ended> {
        let Some(key) = self.open.get(&id).copied() else {
            let is_used = if id % 2 == 1 { id < self.next_own } else { id != 0 && id <= self.last_of_core };
            if is_used {
                return Ok(None);
            }
            return Err(Ended::broken(format!("{what} on channel {id}, which was never opened")));
        };
        let end = self.ends.get_mut(&key);
        if end.as_ref().is_some_and(|end| matches!(end.way, Way::Out { .. }) != is_sender) {
            return Err(Ended::broken(format!("{what} on channel {id}, from its wrong end")));
        }
        Ok(end.map(|end| (key, end)))
    }

    // -- the end ---------------------------------------------------------------------------------------------------

    /// It has ended, for both sides, and nothing more is said of it.
    pub fn close(&mut self, key: EndKey, error: Option<CommandError>) {
        if let Some(end) = self.ends.get_mut(&key) {
            self.open.remove(&end.id);
            if !end.is_over {
                (end.is_over, end.error) = (true, error);
            }
            self.sweep(key);
        }
    }

    /// The call that opened these never ran, and will be made again: as if they had not been opened.
    pub fn forget(&mut self, ends: &[(String, EndKey)]) {
        for (_, key) in ends {
            if let Some(end) = self.ends.get_mut(key) {
                self.open.remove(&end.id);
                end.id = 0;
                if let Way::Out { credit } = &mut end.way {
                    *credit = 0;
                }
            }
        }
    }

    /// The call that had these will not be made again: those that the program has let go of are kept no longer.
    pub fn unbind(&mut self, ends: &[(String, EndKey)]) {
        for (_, key) in ends {
            if self.ends.get(key).is_some_and(|end| end.is_released) {
                self.ends.remove(key);
            }
        }
    }

    /// The conversation is over.
    pub fn close_all(&mut self) {
        for key in self.open.values().copied().collect::<Vec<_>>() {
            self.close(
                key,
                Some(CommandError::new(code::UNAVAILABLE, "the conversation with the core has ended")),
            );
        }
    }

    /// Keep it no longer, if nobody has it, neither the program nor a call that is still to be sent with it.
    fn sweep(&mut self, key: EndKey) {
        let is_gone = |end: &End| end.is_released && end.is_over && (end.id != 0 || !end.is_bound);
        if self.ends.get(&key).is_some_and(is_gone) {
            self.ends.remove(&key);
        }
    }
}

impl End {
    fn farewell(&self, error: Option<&CommandError>, depth: usize) -> Vec<u8> {
        match (&self.way, error) {
            (Way::In { .. }, _) => numbered("drop", self.id),
            (Way::Out { .. }, None) => numbered("end", self.id),
            (Way::Out { .. }, Some(error)) => failed("end", self.id, error, depth),
        }
    }
}
