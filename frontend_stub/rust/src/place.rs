//! What this process was given as a worker: its environment, its secret, its lifeline (protocol, section 2).
//!
//! Knows no socket. Everything here happens once per process, before anything else is sent.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::{env, fmt};

use rustix::fs::{FileType, fstat};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::stdio::dup2_stdin;

use crate::error::{EndKind, Ended};
use crate::message::PROTOCOL;

/// Hexadecimal digits of the secret.
const SECRET: usize = 64;

/// This worker's place: who it is, where its sockets belong, and the descriptor whose end-of-file ends it.
pub struct Place {
    pub label: String,
    pub generation: u64,
    pub sockets: String,
    pub core_pid: Option<i32>,
    pub secret: String,
    pub lifeline: OwnedFd,
}

impl fmt::Debug for Place {
    /// A secret is never printed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Place({}@{})", self.label, self.generation)
    }
}

impl Place {
    /// Read the environment and the secret, and keep standard input as the lifeline: behind descriptor 0 is `/dev/null`
    /// then.
    pub fn take() -> Result<Self, Ended> {
        let label = variable("STOCKADE_WORKER")?;
        let sockets = variable("STOCKADE_SOCKETS")?;
        let protocol = variable("STOCKADE_PROTOCOL")?;
        if protocol != PROTOCOL.to_string() {
            let spoken =
                format!("the core speaks version {protocol} of the protocol, this crate version {PROTOCOL}");
            let advice = "Use the stockade-frontend that belongs to the runtime.";
            return Err(Ended::new(EndKind::StartedByHand, format!("{spoken}.\n{advice}")));
        }
        let generation = number("STOCKADE_GENERATION", &variable("STOCKADE_GENERATION")?)?;
        let core_pid = match env::var("STOCKADE_CORE_PID") {
            Ok(pid) if !pid.is_empty() => Some(number("STOCKADE_CORE_PID", &pid)?).filter(|pid| *pid != 0),
            _ => None,
        };
        if env::var_os("STOCKADE_DEBUGGABLE").is_none_or(|value| value != "1") {
            hide()?;
        }
        let mut lifeline = take_stdin()?;
        Ok(Self {
            label,
            generation,
            sockets,
            core_pid,
            secret: read_secret(&mut lifeline)?,
            lifeline: lifeline.into(),
        })
    }
}

fn by_hand(why: &str) -> Ended {
    let reason = "this program is a Stockade worker: the supervisor that starts it gives it its sockets, and here is none";
    let advice = "Name it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`.";
    Ended::new(EndKind::StartedByHand, format!("{reason} ({why}).\n{advice}"))
}

fn variable(name: &str) -> Result<String, Ended> {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| by_hand(&format!("{name} is not set")))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Ended> {
    text.parse().map_err(|_| by_hand(&format!("{name} is no number")))
}

/// Close this process's memory and descriptors to its siblings of the same user. It must happen here: exec undoes what
/// the supervisor could set.
fn hide() -> Result<(), Ended> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|error| {
        Ended::new(EndKind::ConnectionLost, format!("prctl(PR_SET_DUMPABLE, 0) was refused: {error}"))
    })
}

/// Move standard input out of the way, so that no child inherits the lifeline and no reading of input waits on it.
fn take_stdin() -> Result<File, Ended> {
    let closed = |_| by_hand("standard input is closed");
    let lifeline = fcntl_dupfd_cloexec(std::io::stdin().as_fd(), 3).map_err(closed)?;
    let kind = FileType::from_raw_mode(fstat(&lifeline).map_err(closed)?.st_mode);
    if !matches!(kind, FileType::Fifo | FileType::Socket) {
        // A terminal would never end, and /dev/null at once, unsaid.
        return Err(by_hand("standard input is no pipe, which would bring the secret"));
    }
    let null = File::open("/dev/null");
    null.and_then(|null| Ok(dup2_stdin(null)?))
        .map_err(|error| by_hand(&format!("standard input cannot be replaced: {error}")))?;
    Ok(lifeline.into())
}

/// The first line. Byte by byte: what stands behind it, if ever, is not this function's to take.
fn read_secret(lifeline: &mut File) -> Result<String, Ended> {
    let none = || by_hand("the first line of standard input is no secret");
    let mut secret = String::with_capacity(SECRET);
    loop {
        let mut byte = [0];
        match lifeline.read(&mut byte) {
            Ok(0) => {
                return Err(Ended::new(
                    EndKind::Stopped,
                    "the supervisor has gone before it gave the secret",
                ));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(none()),
        }
        match byte {
            [b'\n'] if secret.len() == SECRET => return Ok(secret),
            [digit @ (b'0'..=b'9' | b'a'..=b'f')] if secret.len() < SECRET => secret.push(char::from(digit)),
            _ => return Err(none()),
        }
    }
}
