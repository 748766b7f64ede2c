//! One worker's side of the conversation: what it may say, what it awaits, what the core's messages mean.
//!
//! Frames go in and come out; it knows no socket, clock or thread.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::calls::Calls;
use crate::channels::Channels;
use crate::error::{CommandError, EndKind, Ended, Error, Result, code};
use crate::event::{Emit, Inbox, check_event, read_event};
use crate::grant::Grants;
use crate::handled::HandledCalls;
use crate::message::{Frames, Limits, Said, Welcome, bye, hello, numbered, read, read_batch};
use crate::value::Value;

/// Where the conversation stands, as this side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// `hello` is said, the answer awaited.
    Greeting,
    Open,
    /// `bye` is said, the answer awaited.
    Leaving,
    Left,
}

/// What the core has answered to a subscription.
#[derive(Debug)]
struct Topic {
    number: u64,
    answer: Option<Result<(), CommandError>>,
}

/// The worker's side of one link.
#[derive(Debug)]
pub struct Session {
    pub label: String,
    pub generation: u64,
    pub state: State,
    pub limits: Limits,
    pub grants: Grants,
    pub calls: Calls,
    pub channels: Channels,
    pub handled: HandledCalls,
    pub inbox: Inbox,
    /// Whether the core has asked this worker to finish.
    pub stopping: bool,
    pub is_ready: bool,
    /// Events that this worker has emitted; once it has left, those that the core has handled.
    pub emitted: u64,
    pub emits_handled: Option<u64>,
    last_ping: u64,
    last_pong: u64,
    /// Topics that this worker listens to, and subscriptions whose answers are to come, in their order: one topic may
    /// have been asked for, dropped, asked again.
    topics: HashMap<String, Topic>,
    asked: HashMap<String, VecDeque<u64>>,
    last_subscription: u64,
}

impl Session {
    /// `queue` bounds the events that wait for their handlers; the first message, `hello`, stands in the outbox.
    pub fn new(label: &str, generation: u64, stub: &str, queue: usize) -> Self {
        let mut session = Self {
            label: label.to_owned(),
            generation,
            state: State::Greeting,
            limits: Limits::default(),
            grants: Grants::default(),
            calls: Calls::default(),
            channels: Channels::new(),
            handled: HandledCalls::default(),
            inbox: Inbox::new(queue),
            stopping: false,
            is_ready: false,
            emitted: 0,
            emits_handled: None,
            last_ping: 0,
            last_pong: 0,
            topics: HashMap::new(),
            asked: HashMap::new(),
            last_subscription: 0,
        };
        session.channels.outbox.put(hello(stub));
        session
    }

    // -- what this worker says -------------------------------------------------------------------------------------

    /// Say, once, that this worker has set up what it needs, and what it exports.
    pub fn ready(&mut self) {
        if !self.is_ready {
            self.is_ready = true;
            let ready = self.handled.ready();
            self.channels.outbox.put(ready);
        }
    }

    /// Ask whether the core is there: the number of the pong to wait for.
    pub fn ping(&mut self) -> u64 {
        self.last_ping += 1;
        self.channels.outbox.put(numbered("ping", self.last_ping));
        self.last_ping
    }

    /// Whether this pong has come.
    pub fn has_pong(&self, number: u64) -> bool {
        self.last_pong >= number
    }

    /// This worker is about to subscribe to a topic, with its bar or slash. False: it has done so already.
    pub fn subscribe(&mut self, topic: &str) -> Result<bool> {
        if self.topics.contains_key(topic) {
            return Ok(false);
        }
        let is_allowed = match topic.strip_suffix('|') {
            Some(name) => self.grants.listen.allows(name),
            None => self.grants.listen.covers(topic),
        };
        if !is_allowed {
            let name = topic.trim_end_matches('|');
            let reason =
                format!("it may not listen to {name:?} (this worker's grants say so; nothing was sent)");
            return Err(Error::command(code::NOT_ALLOWED, reason));
        }
        if self.topics.len() >= self.limits.topics {
            return Err(Error::command(code::BUSY, "no more topics may be listened to (nothing was sent)"));
        }
        self.last_subscription += 1;
        self.topics.insert(topic.to_owned(), Topic { number: self.last_subscription, answer: None });
        self.asked.entry(topic.to_owned()).or_default().push_back(self.last_subscription);
        Ok(true)
    }

    /// This worker listens to this topic no more.
    pub fn unsubscribe(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// The core's answer to the subscription, once it has come.
    pub fn subscribed(&self, topic: &str) -> Option<Result<(), CommandError>> {
        self.topics.get(topic).and_then(|topic| topic.answer.clone())
    }

    /// Check and encode an event; its number it gets when it goes.
    pub fn prepare_emit(
        &self,
        name: &str,
        payload: &Value,
        to: Option<&str>,
        trace: Option<&str>,
    ) -> Result<Emit> {
        check_event(name)?;
        if !self.grants.emit.allows(name) {
            let reason = format!("it may not emit {name:?} (this worker's grants say so; nothing was sent)");
            return Err(Error::command(code::NOT_ALLOWED, reason));
        }
        let emit = Emit::new(name, payload, to, trace, self.limits.depth)?;
        if emit.size() > self.limits.event {
            let reason = format!("{} bytes, where an event may have {}", emit.size(), self.limits.event);
            return Err(Error::command(code::TOO_LARGE, format!("{reason} (nothing was sent)")));
        }
        Ok(emit)
    }

    /// Take leave. Nothing more may be said; the answer is the end.
    pub fn bye(&mut self) {
        self.calls.close(&mut self.channels);
        self.channels.close_all();
        self.state = State::Leaving;
        self.channels.outbox.put(bye(self.emitted));
    }

    // -- time ------------------------------------------------------------------------------------------------------

    /// When to look at what has a time again, if ever.
    pub fn next(&self) -> Option<Instant> {
        self.calls.next().into_iter().chain(self.handled.next()).min()
    }

    /// See to what is due by now.
    pub fn wake(&mut self, now: Instant) {
        for (id, error) in self.handled.wake(now, &mut self.channels) {
            self.calls.cancel_nested(id, &error, &mut self.channels);
        }
        self.calls.wake(now, &mut self.channels);
    }

    // -- what the core says ----------------------------------------------------------------------------------------

    /// One frame of the events socket.
    pub fn receive_event(&mut self, frame: &[u8]) -> Result<(), Ended> {
        if self.state == State::Greeting {
            return Err(Ended::broken("an event before welcome"));
        }
        self.inbox.put(read_event(frame)?)
    }

    /// One message of the commands socket, a frame and the raw ones behind it.
    pub fn receive(&mut self, frame: &[u8], raw: Vec<Vec<u8>>, now: Instant) -> Result<(), Ended> {
        let mut frames = Frames::new(raw)?;
        for message in read_batch(frame)? {
            let said = read(message)?;
            self.hear(said, &mut frames, now)?;
        }
        frames.check_all_taken()?;
        if self.state == State::Open {
            self.calls.admit(now, &mut self.channels);
        }
        Ok(())
    }

    /// All that may come, and nothing else: what no row has is the core's fault.
    fn hear(&mut self, said: Said, frames: &mut Frames, now: Instant) -> Result<(), Ended> {
        use State::{Greeting, Leaving, Left, Open};

        match (self.state, said) {
            (Greeting, Said::Welcome(welcome)) => self.welcome(*welcome),
            (Greeting, Said::Refused(error)) => {
                Err(Ended::new(EndKind::Refused, format!("the core refused this worker: {error}")))
            }
            (Greeting | Open | Leaving, Said::Breach(reason)) => {
                let reason = format!("the core ends this worker, which broke the protocol: {reason}");
                Err(Ended::new(EndKind::Breached, reason))
            }
            (Open | Leaving, Said::Result(id, value)) => self.calls.succeeded(id, frames.of(value)?),
            (Open | Leaving, Said::Error(id, error)) => self.calls.failed(id, error, now, &mut self.channels),
            (Open | Leaving, Said::Listening(topic)) => self.answer_subscription(&topic, Ok(())),
            (Open | Leaving, Said::Denied(topic, error)) => self.answer_subscription(&topic, Err(error)),
            (Open | Leaving, Said::Missed(seq)) => {
                self.inbox.dropped(seq);
                Ok(())
            }
            (Open | Leaving, Said::Pong(number)) => {
                if number <= self.last_ping {
                    self.last_pong = self.last_pong.max(number);
                }
                Ok(())
            }
            (Open | Leaving, Said::Stop(_grace)) => {
                self.stopping = true;
                Ok(())
            }
            (Open, Said::Call(call)) => self.handled.call(*call, frames, now, &mut self.channels),
            (Open, Said::Cancel(id)) => {
                if let Some(error) = self.handled.cancel(id, &mut self.channels)? {
                    self.calls.cancel_nested(id, &error, &mut self.channels);
                }
                Ok(())
            }
            (Open, Said::Item(channel, value)) => self.channels.item(channel, frames.of(value)?),
            (Open, Said::End(channel, error)) => self.channels.ended(channel, error),
            (Open, Said::Credit(channel, count)) => self.channels.credited(channel, count),
            (Open, Said::Drop(channel)) => self.channels.dropped(channel),
            (Open, Said::Ping(number)) => {
                self.channels.outbox.put(numbered("pong", number));
                Ok(())
            }
            // Behind `bye` nothing may be said, and the core knows what a worker leaves unanswered. Calls that come now
            // are not taken, so neither are the channels that they open known: nothing of any is.
            (Leaving, Said::Call(call)) => {
                call.raw.iter().try_for_each(|(_, index)| frames.take(*index).map(drop))
            }
            (Leaving, Said::Item(_, value)) => frames.of(value).map(drop),
            (Leaving, Said::Cancel(_) | Said::End(..) | Said::Credit(..) | Said::Drop(_) | Said::Ping(_)) => {
                Ok(())
            }
            (Leaving, Said::Bye(handled)) => {
                self.emits_handled = Some(handled);
                self.state = Left;
                Ok(())
            }
            (state, said) => {
                Err(Ended::broken(format!("{:?} when the conversation is {state:?}", said.verb())))
            }
        }
    }

    fn welcome(&mut self, welcome: Welcome) -> Result<(), Ended> {
        let Welcome { worker, generation, limits, grants } = welcome;
        if (worker.as_str(), generation) != (self.label.as_str(), self.generation) {
            return Err(Ended::broken(format!("a welcome for {worker}@{generation}")));
        }
        self.calls.open(&limits, &grants.commands);
        (self.channels.limit, self.channels.size, self.channels.depth) =
            (limits.channels, limits.message, limits.depth);
        (self.channels.outbox.most, self.channels.outbox.largest) = (limits.batch, limits.message);
        (self.limits, self.grants) = (limits, grants);
        self.state = State::Open;
        Ok(())
    }

    fn answer_subscription(&mut self, topic: &str, answer: Result<(), CommandError>) -> Result<(), Ended> {
        let asked = self.asked.get_mut(topic);
        let Some(number) = asked.and_then(VecDeque::pop_front) else {
            return Err(Ended::broken(format!("an answer to a subscription that was never made, {topic:?}")));
        };
        if let Some(known) = self.topics.get_mut(topic).filter(|known| known.number == number) {
            known.answer = Some(answer);
        }
        if self.asked.get(topic).is_some_and(VecDeque::is_empty) {
            self.asked.remove(topic);
        }
        Ok(())
    }
}
