//! Calls that this worker answers: what it exports, and what has been asked of it (protocol, section 5).
//!
//! Knows no handler and no socket. Each call is answered here, once.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use crate::channels::{Channels, EndKey};
use crate::error::{CommandError, Ended, Error, Result, code};
use crate::message::{CoreCall, Frames, failed, ready, valued};
use crate::outbox::LARGEST_HEAD;
use crate::value::{Map, Value};

/// How the core may use a command that this worker exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// How many calls of it this worker takes at a time. Handlers run one after the other all the same; what is taken
    /// beyond waits here instead of in the core, or for another replica.
    pub concurrency: u32,
    /// Whether a call that was lost with this process may be made again elsewhere.
    pub idempotent: bool,
}

impl Default for Export {
    fn default() -> Self {
        Self { concurrency: 1, idempotent: false }
    }
}

/// A call that this worker answers.
#[derive(Debug, Default)]
pub struct Handled {
    pub id: u64,
    pub command: String,
    pub arguments: Map,
    pub ends: Vec<(String, EndKey)>,
    pub caller: String,
    pub trace: Option<String>,
    pub deadline: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    command: String,
    ends: Vec<(String, EndKey)>,
    deadline: Option<Instant>,
    is_answered: bool,
    /// Why it should not go on.
    stopped: Option<CommandError>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct HandledCalls {
    exports: HashMap<String, Export>,
    /// Those that no handler runs yet, in their order.
    waiting: VecDeque<Handled>,
    /// Those that are not answered, and those that are and whose handler runs on.
    states: HashMap<u64, State>,
    timers: BTreeSet<(Instant, u64)>,
    last: u64,
}

impl HandledCalls {
    /// Answer this command.
    pub fn export(&mut self, name: &str, export: Export) -> Result<()> {
        if !(1..=128).contains(&name.chars().count()) {
            return Err(Error::misuse(format!("{name:?} is no command's name: it has 1 to 128 characters")));
        }
        if export.concurrency == 0 {
            return Err(Error::misuse(format!("{name:?} with a concurrency of 0: it would never be called")));
        }
        if self.exports.insert(name.to_owned(), export).is_some() {
            return Err(Error::misuse(format!("{name:?} is exported already")));
        }
        Ok(())
    }

    /// The message that says so.
    pub fn ready(&self) -> Vec<u8> {
        let said =
            |(name, export): (&'_ String, &Export)| (name.clone(), export.concurrency, export.idempotent);
        let exports: Vec<_> = self.exports.iter().map(said).collect();
        ready(
            exports.iter().map(|(name, concurrency, idempotent)| (name.as_str(), *concurrency, *idempotent)),
        )
    }

    /// Whether one waits for its handler.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many wait for their handlers.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The next one to handle, if any. Who handles it concludes it.
    pub fn begin(&mut self) -> Option<Handled> {
        self.waiting.pop_front()
    }

    /// Why it should not go on, if so.
    pub fn stopped(&self, id: u64) -> Option<&CommandError> {
        self.states.get(&id)?.stopped.as_ref()
    }

    // -- answering -------------------------------------------------------------------------------------------------

    /// Its handler has ended, well or not. What is wrong with a value that cannot be sent comes out: then the caller has
    /// an error instead. What has stopped the call is its answer, whatever the handler made of it.
    pub fn conclude(
        &mut self,
        id: u64,
        outcome: Result<Value, CommandError>,
        channels: &mut Channels,
    ) -> Result<(), Error> {
        let stopped = self.states.get(&id).and_then(|state| state.stopped.clone());
        let fault = match stopped.map_or(outcome, Err) {
            Ok(value) => self.succeed(id, value, channels).err(),
            Err(error) => {
                self.fail(id, &error, channels);
                None
            }
        };
        self.states.remove(&id);
        fault.map_or(Ok(()), Err)
    }

    fn succeed(&mut self, id: u64, value: Value, channels: &mut Channels) -> Result<()> {
        let Some(state) = self.states.get(&id).filter(|state| !state.is_answered) else { return Ok(()) };
        let fault: Error = match valued("result", id, value, channels.depth) {
            Ok(message) if message.size() + LARGEST_HEAD <= channels.size => {
                self.answered(id);
                channels.outbox.put(message);
                return Ok(());
            }
            Ok(message) => {
                let reason = format!(
                    "a result of {} bytes, where a message may have {}",
                    message.size(),
                    channels.size
                );
                CommandError::new(code::TOO_LARGE, format!("{reason}: stream it")).into()
            }
            Err(fault) => fault.into(),
        };
        let error = match &fault {
            Error::Command(error) => error.clone(),
            _ => CommandError::new(code::FAILED, format!("the result of {} cannot be sent", state.command)),
        };
        self.fail(id, &error, channels);
        Err(fault)
    }

    /// Answer with an error, with which its channels end too, unless it has been answered.
    fn fail(&mut self, id: u64, error: &CommandError, channels: &mut Channels) {
        let Some(state) = self.states.get_mut(&id).filter(|state| !state.is_answered) else { return };
        let ends = std::mem::take(&mut state.ends);
        if let Some((_, key)) = ends.iter().find(|(name, _)| name == "yield") {
            channels.finish(*key, Some(error.clone())); // its end comes before the answer, with the same error
        }
        self.answered(id);
        channels.outbox.put(failed("error", id, error, channels.depth));
        for (_, key) in &ends {
            channels.close(*key, Some(error.clone()));
        }
    }

    fn answered(&mut self, id: u64) {
        if let Some(state) = self.states.get_mut(&id) {
            state.is_answered = true;
            if let Some(deadline) = state.deadline {
                self.timers.remove(&(deadline, id));
            }
        }
    }

    // -- what the core says ----------------------------------------------------------------------------------------

    /// The core asks.
    pub fn call(
        &mut self,
        call: CoreCall,
        frames: &mut Frames,
        now: Instant,
        channels: &mut Channels,
    ) -> Result<(), Ended> {
        let CoreCall { id, command, mut arguments, caller, trace, .. } = call;
        if id <= self.last {
            return Err(Ended::broken(format!("call {id} after call {}", self.last)));
        }
        self.last = id;
        let ends = channels.accept(&call.channels)?;
        for (name, index) in call.raw {
            if arguments.insert(name, Value::Bytes(frames.take(index)?)).is_some() {
                return Err(twice());
            }
        }
        if ends.iter().any(|(name, _)| arguments.contains_key(name)) {
            return Err(twice());
        }
        let deadline = call.deadline.and_then(|left| now.checked_add(left));
        let state = State { command: command.clone(), ends: ends.clone(), deadline, ..State::default() };
        self.states.insert(id, state);
        let refusal = if let Some(name) = call.insists {
            Some(CommandError::new(code::BAD_MESSAGE, format!("the option {name:?} is not known here")))
        } else if !self.exports.contains_key(&command) {
            Some(CommandError::new(code::NOT_FOUND, format!("this worker does not export {command:?}")))
        } else if call.deadline.is_some_and(|left| left.is_zero()) {
            Some(expired(&command))
        } else {
            None
        };
        if let Some(error) = refusal {
            self.fail(id, &error, channels);
            self.forget(id, &ends, channels);
            return Ok(());
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, id));
        }
        let caller = caller.unwrap_or_else(|| "core".to_owned());
        self.waiting.push_back(Handled { id, command, arguments, ends, caller, trace, deadline });
        Ok(())
    }

    /// The core wants it no more: why it is to stop, if it was not answered.
    pub fn cancel(&mut self, id: u64, channels: &mut Channels) -> Result<Option<CommandError>, Ended> {
        if id == 0 || id > self.last {
            return Err(Ended::broken(format!("a cancel of call {id}, which was never made")));
        }
        if self.states.get(&id).is_none_or(|state| state.is_answered) {
            return Ok(None);
        }
        let error = CommandError::new(code::CANCELLED, "the call was cancelled");
        self.stop(id, &error, channels);
        Ok(Some(error))
    }

    fn stop(&mut self, id: u64, why: &CommandError, channels: &mut Channels) {
        if let Some(state) = self.states.get_mut(&id) {
            state.stopped.get_or_insert_with(|| why.clone());
            // Its answer will be an error, which ends its channels: nothing more need be said of them.
            for (_, key) in &state.ends {
                channels.close(*key, Some(why.clone()));
            }
        }
        if let Some(at) = self.waiting.iter().position(|handled| handled.id == id) {
            self.fail(id, why, channels);
            if let Some(handled) = self.waiting.remove(at) {
                self.forget(id, &handled.ends, channels);
            }
        }
    }

    /// No handler will ever have seen it.
    fn forget(&mut self, id: u64, ends: &[(String, EndKey)], channels: &mut Channels) {
        self.states.remove(&id);
        for (_, key) in ends {
            channels.release(*key);
        }
    }

    /// When the time of one is over, if ever.
    pub fn next(&self) -> Option<Instant> {
        self.timers.first().map(|(when, _)| *when)
    }

    /// Those whose time is over by now are answered, whatever their handlers do: which, and with what.
    pub fn wake(&mut self, now: Instant, channels: &mut Channels) -> Vec<(u64, CommandError)> {
        let mut over = Vec::new();
        while let Some(&(when, id)) = self.timers.first().filter(|(when, _)| *when <= now) {
            self.timers.remove(&(when, id));
            let Some(state) = self.states.get(&id) else { continue };
            let error = expired(&state.command);
            self.stop(id, &error, channels);
            self.fail(id, &error, channels);
            over.push((id, error));
        }
        over
    }
}

fn expired(command: &str) -> CommandError {
    CommandError::new(code::DEADLINE_EXCEEDED, format!("{command} took longer than it had"))
}

fn twice() -> Ended {
    Ended::broken("a call with an argument that stands in two places")
}
