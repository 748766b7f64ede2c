//! The three sockets of a worker's link, bound in its own directory (protocol, section 3). Knows no message.
//!
//! Nothing here waits but [`Link::poll`].

use std::ffi::c_int;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use zmq::{DONTWAIT, Message, POLLIN, PollItem, SNDMORE, Socket, SocketType};

use crate::error::{EndKind, Ended};
use crate::outbox::Parcel;
use crate::place::Place;

/// Batches that wait in libzmq for a core that does not read. More calls than `limits.calls` are never in them.
const COMMANDS_QUEUE: i32 = 64;
/// Emits that wait so. Times the limit of a message this is what a stopped core can make this process hold.
const EMITS_QUEUE: i32 = 256;

/// From zmq.h; zmq-sys has it, but does not hand it out.
const IPC_FILTER_PID: u32 = 58;

/// Commands (DEALER), events (SUB), emits (XPUB), and the lifeline.
pub struct Link {
    pub commands: Socket,
    pub events: Socket,
    pub emits: Socket,
    lifeline: File,
    /// What becomes readable when something has happened to a socket: an edge, so look until there is nothing.
    descriptors: [RawFd; 3],
}

/// What `poll` has found: whether there may be something on each of these.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // one for each source
pub struct Found {
    pub commands: bool,
    pub events: bool,
    pub emits: bool,
    pub lifeline: bool,
}

impl Link {
    /// Make the sockets and bind them.
    pub fn new(place: Place) -> Result<Self, Ended> {
        let context = zmq::Context::new();
        let bind = |kind, name| {
            bind(&context, kind, name, &place).map_err(|error| {
                let reason =
                    format!("the sockets of this worker cannot be bound in {}: {error}", place.sockets);
                Ended::new(EndKind::StartedByHand, reason)
            })
        };
        let (commands, events, emits) =
            (bind(zmq::DEALER, "commands")?, bind(zmq::SUB, "events")?, bind(zmq::XPUB, "emits")?);
        let descriptor = |socket: &Socket| socket.get_fd().map_err(lost);
        let descriptors = [descriptor(&commands)?, descriptor(&events)?, descriptor(&emits)?];
        Ok(Self { commands, events, emits, lifeline: place.lifeline.into(), descriptors })
    }

    /// Wait until something may have happened, or the time is over (`None`: never).
    ///
    /// The descriptors are polled, not the sockets: those `zmq_poll` would ask one by one, before and after.
    pub fn poll(&self, timeout: Option<Duration>) -> Result<Found, Ended> {
        let [commands, events, emits] = self.descriptors;
        let descriptors = [commands, events, emits, self.lifeline.as_raw_fd()];
        let mut items = descriptors.map(|descriptor| PollItem::from_fd(descriptor, POLLIN));
        let timeout =
            timeout.map_or(-1, |time| i64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i64::MAX));
        match zmq::poll(&mut items, timeout) {
            Ok(_) => {}
            Err(zmq::Error::EINTR) => return Ok(Found::default()), // whoever waits looks again
            Err(error) => return Err(lost(error)),
        }
        let [commands, events, emits, lifeline] = items.map(|item| !item.get_revents().is_empty());
        Ok(Found { commands, events, emits, lifeline })
    }

    /// Whether the lifeline, which is readable, has ended. What a supervisor may write behind the secret is ignored.
    pub fn has_lifeline_ended(&self) -> bool {
        match (&self.lifeline).read(&mut [0; 4096]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != std::io::ErrorKind::Interrupted,
        }
    }
}

fn bind(context: &zmq::Context, kind: SocketType, name: &str, place: &Place) -> zmq::Result<Socket> {
    let socket = context.socket(kind)?;
    socket.set_plain_username(Some(&format!("{}@{}", place.label, place.generation)))?;
    socket.set_plain_password(Some(&place.secret))?;
    socket.set_linger(0)?;
    let mut socket = socket;
    if let Some(pid) = place.core_pid {
        // A libzmq that is built without the means to ask who connects refuses the option, as the one that zmq-sys builds
        // does: then the secret alone keeps others out.
        match set_option(&mut socket, IPC_FILTER_PID, pid) {
            Ok(()) | Err(zmq::Error::EINVAL) => {}
            Err(error) => return Err(error),
        }
    }
    match kind {
        zmq::DEALER => socket.set_sndhwm(COMMANDS_QUEUE)?,
        zmq::XPUB => {
            socket.set_sndhwm(EMITS_QUEUE)?;
            set_option(&mut socket, zmq_sys::ZMQ_XPUB_NODROP, 1)?;
        }
        _ => {}
    }
    // `Socket::bind` makes a C string, and panics if there is a nul byte: an environment variable has none.
    socket.bind(&format!("{}/{name}", place.sockets))?;
    Ok(socket)
}

/// Set an option that the crate `zmq` has no method for.
#[allow(unsafe_code)]
fn set_option(socket: &mut Socket, option: u32, value: c_int) -> zmq::Result<()> {
    let option = c_int::try_from(option).map_err(|_| zmq::Error::EINVAL)?;
    // SAFETY: the socket is alive and this thread's, for it is borrowed; libzmq copies the integer before it returns.
    let failed = unsafe {
        zmq_sys::zmq_setsockopt(
            socket.as_mut_ptr(),
            option,
            std::ptr::from_ref(&value).cast(),
            size_of::<c_int>(),
        )
    };
    if failed == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error().raw_os_error();
    Err(error.map_or(zmq::Error::EINVAL, zmq::Error::from_raw))
}

/// libzmq fails in a way that nothing can be done about.
pub fn lost(error: zmq::Error) -> Ended {
    Ended::new(EndKind::ConnectionLost, format!("ZeroMQ: {error}"))
}

/// A frame that is there, if one is.
pub fn receive(socket: &Socket) -> Result<Option<Message>, Ended> {
    match socket.recv_msg(DONTWAIT) {
        Ok(frame) => Ok(Some(frame)),
        Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => Ok(None),
        Err(error) => Err(lost(error)),
    }
}

/// The frames behind the one that was just received, which are all there.
pub fn receive_rest(socket: &Socket, first: &Message) -> Result<Vec<Vec<u8>>, Ended> {
    let mut frames = Vec::new();
    let mut has_more = first.get_more();
    while has_more {
        let frame = socket.recv_msg(0).map_err(lost)?;
        has_more = frame.get_more();
        frames.push(frame.to_vec());
    }
    Ok(frames)
}

/// Send a frame; false if there is no room for it now.
pub fn send(socket: &Socket, frame: &[u8], flags: i32) -> Result<bool, Ended> {
    match socket.send(frame, flags | DONTWAIT) {
        Ok(()) => Ok(true),
        Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => Ok(false),
        Err(error) => Err(lost(error)),
    }
}

/// Send all of it, its frames without a copy; false, and nothing has gone, if there is no room for it now.
pub fn send_parcel(socket: &Socket, parcel: &mut Parcel) -> Result<bool, Ended> {
    let frames = parcel.frames.len();
    if !send(socket, &parcel.head, if frames == 0 { 0 } else { SNDMORE })? {
        return Ok(false);
    }
    for (frame, left) in parcel.frames.drain(..).zip((0..frames).rev()) {
        // Where there is room for the first there is for the rest: this does not wait.
        socket.send(frame, if left == 0 { 0 } else { SNDMORE }).map_err(lost)?;
    }
    Ok(true)
}
