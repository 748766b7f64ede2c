//! Summarizes access logs: reads them through the core, keeps a report there, and answers what was asked for most.

mod access_log;

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;

use access_log::Summary;
use stockade_frontend::{Core, Result, args, worker};

fn main() -> ExitCode {
    worker(|core| {
        let summary = Rc::new(RefCell::new(Summary::default()));

        let known = Rc::clone(&summary);
        core.export("summary.top", move |_core, call| Ok(known.borrow().top(call.argument("count")?)))?;

        let known = Rc::clone(&summary);
        core.listen("logs/", move |core, _event| {
            known.replace(summarize(core)?);
            Ok(())
        })?;

        core.ready()?;
        summary.replace(summarize(core)?);
        core.run()?; // until the supervisor asks to stop
        Ok(())
    })
}

/// Read all logs, keep the report, and tell whoever listens.
fn summarize(core: &Core) -> Result<Summary> {
    let mut summary = Summary::default();
    for name in core.stream::<String>("logs.all", ())? {
        let name = name?;
        for line in core.stream::<String>("logs.lines", args! { name: name })? {
            summary.add(&line?);
        }
    }
    core.invoke::<()>("reports.write", args! { name: "reports/access.md", text: summary.report() })?;
    core.emit("summary/done", &summary)?;
    println!("{} requests, most often: {:?}", summary.requests, summary.top(1));
    Ok(summary)
}
