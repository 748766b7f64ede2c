//! The worker: a process of its own that shares nothing with the core, and can do no more than ask it.

use std::process::ExitCode;

use serde::Deserialize;
use stockade_frontend::{Error, args, worker};

#[derive(Deserialize)]
struct Guest {
    name: String,
}

fn main() -> ExitCode {
    worker(|core| {
        core.listen("guests/signed", |_core, event| {
            println!("{} has signed", event.parse::<Guest>()?.name);
            Ok(())
        })?;
        core.ready()?;
        println!("guests: {}", core.invoke::<u64>("guests.sign", args! { name: "@@label" })?);
        match core.invoke::<()>("guests.clear", ()) {
            Err(Error::Command(refusal)) => println!("refused: {}", refusal.code),
            other => other?,
        }
        Ok(core.run()?) // handles events until the supervisor asks to stop
    })
}
