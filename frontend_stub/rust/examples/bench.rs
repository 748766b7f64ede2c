//! What a call costs here, beside the bare sockets of the same binding: a worker that is told what to measure.

use std::collections::VecDeque;
use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use stockade_frontend::{BoxError, Core, args, worker};

#[derive(Deserialize)]
struct Task {
    r#do: String,
    #[serde(default)]
    count: usize,
    #[serde(default)]
    window: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Report {
    Each { ns: Vec<u64> },
    All { ns: u64 },
    Nothing,
}

fn main() -> ExitCode {
    worker(|core| {
        core.ready()?;
        let ask = core.options().forever();
        let mut task: Task = ask.invoke("bench.next", ())?;
        while task.r#do != "leave" {
            let report = match task.r#do.as_str() {
                "stub" => stub(core, task.count)?,
                "floor" => floor(task.count)?,
                "pipelined" => pipelined(core, task.count, task.window.max(1))?,
                _ => Report::Nothing,
            };
            task = ask.invoke("bench.next", args! { report: report })?;
        }
        Ok(())
    })
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Calls, one after the other.
fn stub(core: &Core, count: usize) -> Result<Report, BoxError> {
    let mut ns = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        core.invoke::<i64>("bench.echo", args! { value: 1 })?;
        ns.push(nanoseconds(began.elapsed()));
    }
    Ok(Report::Each { ns })
}

/// A frame there and back, without any of this crate.
fn floor(count: usize) -> Result<Report, BoxError> {
    let context = zmq::Context::new();
    let dealer = context.socket(zmq::DEALER)?;
    dealer.set_linger(0)?;
    dealer.connect(&env::var("BENCH_FLOOR")?)?;
    let mut message = zmq::Message::new();
    let mut ns = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        dealer.send(&[0_u8; 24][..], 0)?;
        dealer.recv(&mut message, 0)?;
        ns.push(nanoseconds(began.elapsed()));
    }
    Ok(Report::Each { ns })
}

/// Calls, so many in flight.
fn pipelined(core: &Core, count: usize, window: usize) -> Result<Report, BoxError> {
    let began = Instant::now();
    let mut flight = VecDeque::with_capacity(window);
    for _ in 0..count {
        if flight.len() == window
            && let Some(oldest) = flight.pop_front()
        {
            result(oldest)?;
        }
        flight.push_back(core.call("bench.echo", args! { value: 1 })?);
    }
    flight.into_iter().try_for_each(result)?;
    Ok(Report::All { ns: nanoseconds(began.elapsed()) })
}

fn result(call: stockade_frontend::Call) -> Result<(), BoxError> {
    call.result::<i64>()?;
    Ok(())
}
