//! The echo worker, which `stockade certify` leads through the protocol (docs/certify.md).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use stockade_frontend::{
    Args, BoxError, CommandError, Core, Error, Export, Map, Options, Result, Subscription, Value, args,
    worker,
};

const OFFERS: [&str; 13] = [
    "together",
    "cancel",
    "timeout",
    "retry",
    "stream",
    "channels",
    "raw",
    "events",
    "emits",
    "exports",
    "export-streams",
    "nested",
    "floats",
];

fn main() -> ExitCode {
    worker(|core| EchoWorker::new(core)?.work())
}

/// Does what it is told, one task after the other.
struct EchoWorker<'a> {
    core: &'a Core,
    events: Rc<RefCell<Vec<Value>>>,
    listening: HashMap<String, Subscription>,
    is_enough: Rc<Cell<bool>>,
}

impl<'a> EchoWorker<'a> {
    fn new(core: &'a Core) -> Result<Self> {
        let is_enough = Rc::new(Cell::new(false));
        export(core, &is_enough)?;
        Ok(Self { core, events: Rc::default(), listening: HashMap::new(), is_enough })
    }

    /// Ask for tasks, and report, until one of them is the last.
    fn work(mut self) -> Result<(), BoxError> {
        self.core.ready()?;
        let ask = self.core.options().forever();
        let mut task: Value = ask.invoke("certify.next", args! { offers: OFFERS })?;
        loop {
            let report = match text(&task, "do") {
                "leave" => return Ok(()),
                "run" => return Ok(self.core.run()?),
                "invoke" => outcome(self.options(&task).invoke(text(&task, "command"), arguments(&task)))?,
                "calls" => self.calls(&task)?,
                "cancel" => self.cancel(&task)?,
                "echo" => map([("values", field(&task, "values"))]),
                "bytes" => self.bytes(&task)?,
                "stream" => self.stream(&task)?,
                "send" => self.send(&task)?,
                "receive" => self.receive(&task)?,
                "listen" => self.listen(&task)?,
                "unlisten" => self.unlisten(&task)?,
                "events" => self.events(&task)?,
                "emit" => self.emit(&task)?,
                "serve" => self.serve()?,
                unknown => map([("error", error(&CommandError::new("certify.unknown", unknown.to_owned())))]),
            };
            task = ask.invoke("certify.next", args! { report: report })?;
        }
    }

    fn options(&self, task: &Value) -> Options {
        let mut options = self.core.options();
        if let Some(timeout) = task.get("timeout").and_then(Value::as_int) {
            options = options.timeout(Duration::from_millis(timeout.unsigned_abs()));
        }
        if let Some(wait) = task.get("wait").and_then(Value::as_bool) {
            options = options.wait(wait);
        }
        if let Some(idempotent) = task.get("idempotent").and_then(Value::as_bool) {
            options = options.idempotent(idempotent);
        }
        if let Some(trace) = task.get("trace").and_then(Value::as_str) {
            options = options.trace(trace);
        }
        options
    }

    // -- calls -----------------------------------------------------------------------------------------------------

    fn calls(&self, task: &Value) -> Result<Value> {
        let each = task.get("each").and_then(Value::as_array).unwrap_or_default();
        let begin = |arguments: &Value| {
            self.core.call(text(task, "command"), arguments.as_map().cloned().unwrap_or_default())
        };
        let calls = each.iter().map(begin).collect::<Result<Vec<_>>>()?;
        let outcomes = calls.into_iter().map(|call| outcome(call.result())).collect::<Result<Vec<_>>>()?;
        Ok(map([("outcomes", outcomes.into())]))
    }

    fn cancel(&self, task: &Value) -> Result<Value> {
        let call = self.core.call(text(task, "command"), arguments(task))?;
        self.core.invoke::<Value>("certify.now", ())?;
        call.cancel()?;
        outcome(call.result())
    }

    fn bytes(&self, task: &Value) -> Result<Value> {
        let bytes: Vec<u8> = (0..=250).cycle().take(size(task, "size")).collect();
        let arguments = Args::new().value(text(task, "argument"), bytes);
        outcome(self.core.invoke(text(task, "command"), arguments))
    }

    // -- channels --------------------------------------------------------------------------------------------------

    fn stream(&self, task: &Value) -> Result<Value> {
        let most = task.get("take").and_then(Value::as_int);
        let mut stream = self.core.stream(text(task, "command"), arguments(task))?;
        let mut report = received(&mut stream, most)?;
        if let Some(error) = report.remove("ended") {
            report.insert("error".to_owned(), error);
        } else {
            stream.close()?;
        }
        Ok(report.into())
    }

    fn send(&self, task: &Value) -> Result<Value> {
        let channel = self.core.send_channel();
        let call = self.core.call(text(task, "command"), arguments(task).channel("items", &channel))?;
        let items = task.get("items").and_then(Value::as_array).unwrap_or_default();
        let mut sent = 0;
        let mut send_all = || {
            for item in items {
                channel.send(item)?;
                sent += 1;
            }
            match text(task, "finish") {
                "end" => channel.end(),
                "fail" => channel.fail(CommandError::new("certify.stopped", "as asked")),
                _ => Ok(()),
            }
        };
        match send_all() {
            Ok(()) | Err(Error::Command(_)) => {} // dropped, or the call has failed, which its outcome says
            Err(error) => return Err(error),
        }
        let mut report = call_outcome(call.result())?;
        report.insert("sent".to_owned(), sent.into());
        Ok(report.into())
    }

    fn receive(&self, task: &Value) -> Result<Value> {
        let credit = task.get("credit").and_then(Value::as_int).and_then(|credit| u32::try_from(credit).ok());
        let channel = self.core.receive_channel(credit.unwrap_or(64))?;
        let call = self.core.call(text(task, "command"), arguments(task).channel("items", &channel))?;
        let mut report = received(&mut channel.items(), task.get("take").and_then(Value::as_int))?;
        channel.stop()?;
        report.extend(call_outcome(call.result())?);
        Ok(report.into())
    }

    // -- events ----------------------------------------------------------------------------------------------------

    fn listen(&mut self, task: &Value) -> Result<Value> {
        let events = Rc::clone(&self.events);
        let keep = move |_core: &Core, event: &stockade_frontend::Event| {
            events.borrow_mut().push(map([
                ("name", event.name.as_str().into()),
                ("source", event.source.as_str().into()),
                ("payload", event.payload.clone()),
            ]));
            Ok(())
        };
        let topic = text(task, "topic");
        let is_once = task.get("once").and_then(Value::as_bool).unwrap_or_default();
        match if is_once { self.core.once(topic, keep) } else { self.core.listen(topic, keep) } {
            Ok(subscription) => {
                self.listening.insert(topic.to_owned(), subscription);
                Ok(map([]))
            }
            Err(refusal) => Ok(map([("error", error(&command_error(refusal)?))])),
        }
    }

    fn unlisten(&mut self, task: &Value) -> Result<Value> {
        self.listening.remove(text(task, "topic")).map_or(Ok(()), Subscription::close)?;
        Ok(map([]))
    }

    fn events(&self, task: &Value) -> Result<Value> {
        while self.events.borrow().len() < size(task, "count") {
            self.core.poll(None)?;
        }
        let missed = i64::try_from(self.core.missed()).unwrap_or(i64::MAX);
        Ok(map([("events", self.events.take().into()), ("missed", missed.into())]))
    }

    fn emit(&self, task: &Value) -> Result<Value> {
        let mut options = self.core.options();
        if let Some(to) = task.get("to").and_then(Value::as_str) {
            options = options.to(to);
        }
        match options.emit(text(task, "event"), &field(task, "payload")) {
            Ok(()) => Ok(map([])),
            Err(refusal) => Ok(map([("error", error(&command_error(refusal)?))])),
        }
    }

    // -- answering -------------------------------------------------------------------------------------------------

    fn serve(&self) -> Result<Value> {
        while !self.is_enough.take() {
            self.core.poll(None)?;
        }
        Ok(map([]))
    }
}

fn export(core: &Core, is_enough: &Rc<Cell<bool>>) -> Result<()> {
    core.export_as("echo.value", Export { idempotent: true, ..Export::default() }, |_, call| {
        call.only(&["value"])?;
        Ok(call.argument::<Value>("value")?)
    })?;
    core.export("echo.fail", |_, call| {
        let error = CommandError::new(call.argument::<String>("code")?, call.argument::<String>("message")?);
        Err::<(), _>(error.with_data(call.argument::<Option<Value>>("data")?.unwrap_or_default()).into())
    })?;
    #[allow(clippy::panic)] // as asked
    core.export("echo.crash", |_, _| -> Result<(), BoxError> { panic!("as asked") })?;
    core.export("echo.wait", |_, call| -> Result<(), BoxError> {
        loop {
            call.pause(Duration::from_secs(60))?;
        }
    })?;
    core.export("echo.call", |core, call| {
        Ok(core.invoke::<Value>(&call.argument::<String>("command")?, call.argument::<Map>("arguments")?)?)
    })?;
    core.export("echo.emit", |core, call| {
        Ok(core.emit(&call.argument::<String>("event")?, &call.argument::<Value>("payload")?)?)
    })?;
    let is_enough = Rc::clone(is_enough);
    core.export("echo.enough", move |_, _| {
        is_enough.set(true);
        Ok(())
    })?;
    core.export_stream("echo.count", |_, call, items| Ok(items.send_all(0..call.argument::<i64>("n")?)?))?;
    core.export_stream("echo.break", |_, call, items| {
        items.send_all(0..call.argument::<i64>("n")?)?;
        Err(CommandError::new("echo.broken", "as asked").into())
    })?;
    core.export("echo.sum", |_, call| {
        Ok(call.receive_channel("items")?.items::<i64>().sum::<Result<i64>>()?)
    })?;
    core.export("echo.send", |_, call| {
        let (n, items) = (call.argument::<i64>("n")?, call.send_channel("items")?);
        match items.send_all(0..n).and_then(|()| items.end()) {
            Err(error) if !items.is_dropped() => Err(error.into()),
            _ => Ok(n),
        }
    })
}

// -- tasks and reports ---------------------------------------------------------------------------------------------

fn text<'a>(task: &'a Value, name: &str) -> &'a str {
    task.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn size(task: &Value, name: &str) -> usize {
    task.get(name).and_then(Value::as_int).and_then(|size| usize::try_from(size).ok()).unwrap_or_default()
}

fn field(task: &Value, name: &str) -> Value {
    task.get(name).cloned().unwrap_or_default()
}

fn arguments(task: &Value) -> Args {
    task.get("arguments").and_then(Value::as_map).cloned().unwrap_or_default().into()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Map::from(entries.map(|(name, value)| (name.to_owned(), value))).into()
}

fn error(error: &CommandError) -> Value {
    map([
        ("code", error.code.as_ref().into()),
        ("message", error.message.as_str().into()),
        ("data", error.data.clone()),
    ])
}

/// What can be reported; everything else ends this worker.
fn command_error(error: Error) -> Result<CommandError> {
    if let Error::Command(error) = error { Ok(error) } else { Err(error) }
}

fn call_outcome(result: Result<Value>) -> Result<Map> {
    let (name, value) = match result {
        Ok(value) => ("value", value),
        Err(refusal) => ("error", error(&command_error(refusal)?)),
    };
    Ok(Map::from([(name.to_owned(), value)]))
}

fn outcome(result: Result<Value>) -> Result<Value> {
    Ok(call_outcome(result)?.into())
}

/// So many items, or all of them, and the error that they ended with.
fn received(items: &mut dyn Iterator<Item = Result<Value>>, most: Option<i64>) -> Result<Map> {
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let (mut kept, mut report) = (Vec::new(), Map::new());
    while kept.len() < most {
        match items.next() {
            Some(Ok(item)) => kept.push(item),
            Some(Err(end)) => {
                report.insert("ended".to_owned(), error(&command_error(end)?));
                break;
            }
            None => break,
        }
    }
    report.insert("items".to_owned(), kept.into());
    Ok(report)
}
