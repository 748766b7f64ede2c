//! Real workers, over real sockets, with a core that says what a test has: how a worker ends, and that it is alive.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // this is a test

use std::env;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ciborium::cbor;
use ciborium::value::Value;

const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// How long anything may take here, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The echo worker of the certificate, which cargo builds along with the tests.
fn program() -> PathBuf {
    let tests = env::current_exe().unwrap();
    let program = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples/certify");
    assert!(
        program.exists(),
        "there is no {}: `cargo test` without a choice of targets builds it",
        program.display()
    );
    program
}

/// Lets whoever knows the secret in, so many times.
fn doorkeeper(context: &zmq::Context, times: usize) -> JoinHandle<()> {
    let door = context.socket(zmq::REP).unwrap();
    door.bind("inproc://zeromq.zap.01").unwrap();
    thread::spawn(move || {
        for _ in 0..times {
            let request = door.recv_multipart(0).unwrap();
            let is_known = request[6] == b"editor@1" && request[7] == SECRET.as_bytes();
            let status: &[u8] = if is_known { b"200" } else { b"400" };
            door.send_multipart([&request[0][..], &request[1], status, b"", b"editor", b""], 0).unwrap();
        }
    })
}

/// A core with its one worker.
struct Core {
    commands: zmq::Socket,
    events: zmq::Socket,
    emits: zmq::Socket,
    worker: Child,
    lifeline: Option<ChildStdin>,
    /// What a ROUTER knows the worker by, from its first message on.
    id: Vec<u8>,
    next: Vec<Value>,
    _folder: tempfile::TempDir,
}

impl Core {
    /// Start the worker, and let it in.
    fn start() -> Self {
        let (context, folder) = (zmq::Context::new(), tempfile::tempdir().unwrap());
        doorkeeper(&context, 3);
        let place = format!("ipc://{}", folder.path().display());
        let mut worker = Command::new(program())
            .env("STOCKADE_PROTOCOL", "1")
            .env("STOCKADE_WORKER", "editor")
            .env("STOCKADE_GENERATION", "1")
            .env("STOCKADE_CORE_PID", std::process::id().to_string())
            .env("STOCKADE_SOCKETS", &place)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lifeline = worker.stdin.take().unwrap();
        writeln!(lifeline, "{SECRET}").unwrap();
        let connect = |kind, name: &str| {
            let socket = context.socket(kind).unwrap();
            socket.set_plain_server(true).unwrap();
            socket.set_linger(0).unwrap();
            socket.set_rcvtimeo(i32::try_from(PATIENCE.as_millis()).unwrap()).unwrap();
            let began = Instant::now();
            while !folder.path().join(name).exists() {
                assert!(began.elapsed() < PATIENCE, "the worker has bound no {name}");
                thread::sleep(Duration::from_millis(1));
            }
            socket.connect(&format!("{place}/{name}")).unwrap();
            socket
        };
        let (commands, events, emits) =
            (connect(zmq::ROUTER, "commands"), connect(zmq::XPUB, "events"), connect(zmq::SUB, "emits"));
        emits.set_subscribe(b"").unwrap();
        Self {
            commands,
            events,
            emits,
            worker,
            lifeline: Some(lifeline),
            id: Vec::new(),
            next: Vec::new(),
            _folder: folder,
        }
    }

    /// The next message of the worker.
    fn hear(&mut self) -> Value {
        while self.next.is_empty() {
            let frames = self.commands.recv_multipart(0).expect("the worker says nothing");
            self.id.clone_from(&frames[0]);
            let batch: Value = ciborium::from_reader(&frames[1][..]).unwrap();
            self.next = batch.into_array().unwrap();
        }
        self.next.remove(0)
    }

    fn say(&self, message: Value) {
        let mut frame = Vec::new();
        ciborium::into_writer(&Value::Array(vec![message]), &mut frame).unwrap();
        self.say_frame(&frame);
    }

    fn say_frame(&self, frame: &[u8]) {
        self.commands.send_multipart([&self.id[..], frame], 0).unwrap();
    }

    /// Greet the worker, and answer its first question with this task.
    fn greet(&mut self, task: Value) {
        let hello = self.hear();
        assert_eq!(verb(&hello), "hello");
        let all = cbor!({"allow" => ["**"], "deny" => []}).unwrap();
        let welcome = cbor!(["welcome", {
            "protocol" => 1, "worker" => "editor", "generation" => 1, "core" => "test/0",
            "limits" => {
                "message" => 65536, "event" => 65536, "batch" => 64, "calls" => 8, "channels" => 8, "frames" => 63,
                "topics" => 8, "depth" => 32
            },
            "grants" => {"commands" => all, "listen" => all, "emit" => all}
        }]);
        self.say(welcome.unwrap());
        assert_eq!(verb(&self.hear()), "ready");
        self.answer(task);
    }

    /// Answer the next call of `certify.next` with this task.
    fn answer(&mut self, task: Value) -> Value {
        let call = self.hear();
        assert_eq!((verb(&call), &element(&call, 2)), ("call", &Value::from("certify.next")));
        self.say(Value::Array(vec!["result".into(), element(&call, 1), task]));
        call
    }

    /// The worker has ended: its exit status, and what it has said on standard error.
    fn end(mut self) -> (i32, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.worker.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "the worker does not end");
            thread::sleep(Duration::from_millis(1));
        };
        let mut said = String::new();
        self.worker.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status.code().expect("an exit status"), said)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let _ = self.worker.kill();
        let _ = self.worker.wait();
    }
}

fn element(message: &Value, at: usize) -> Value {
    message.as_array().unwrap()[at].clone()
}

fn verb(message: &Value) -> &str {
    message.as_array().unwrap()[0].as_text().unwrap()
}

fn wait() -> Value {
    cbor!({"do" => "invoke", "command" => "wait", "arguments" => {}}).unwrap()
}

#[test]
fn a_worker_does_what_it_is_told_and_leaves() {
    let mut core = Core::start();
    core.greet(cbor!({"do" => "echo", "values" => [1, 1.5, "a", null]}).unwrap());
    let call = core.answer(cbor!({"do" => "leave"}).unwrap());
    assert_eq!(element(&call, 3), cbor!({"report" => {"values" => [1, 1.5, "a", null]}}).unwrap());
    assert_eq!(core.hear(), cbor!(["bye", {"emitted" => 0}]).unwrap());
    core.say(cbor!(["bye", {"emitted" => 0}]).unwrap());
    assert_eq!(core.end(), (0, String::new()));
}

#[test]
fn events_go_both_ways() {
    let mut core = Core::start();
    core.greet(cbor!({"do" => "listen", "topic" => "notes/"}).unwrap());
    assert_eq!(core.events.recv_bytes(0).unwrap(), b"\x01notes/");
    core.say(cbor!(["listening", "notes/"]).unwrap());
    core.answer(cbor!({"do" => "events", "count" => 1}).unwrap());
    let mut event = b"notes/a|".to_vec();
    ciborium::into_writer(&cbor!([1, "core", 5]).unwrap(), &mut event).unwrap();
    core.events.send(event, 0).unwrap();
    let call = core.answer(cbor!({"do" => "emit", "event" => "editor/opened", "payload" => 7}).unwrap());
    let events = cbor!([{"name" => "notes/a", "source" => "core", "payload" => 5}]).unwrap();
    assert!(
        format!("{call:?}").contains(&format!("{:?}", Value::from("notes/a"))),
        "{call:?}, not {events:?}"
    );
    let emit = core.emits.recv_bytes(0).unwrap();
    let body = emit.strip_prefix(b"editor/opened|").expect("its topic");
    assert_eq!(ciborium::from_reader::<Value, _>(body).unwrap(), cbor!([1, 7]).unwrap());
}

#[test]
fn pings_are_answered_while_an_answer_is_awaited() {
    let mut core = Core::start();
    core.greet(wait());
    assert_eq!(verb(&core.hear()), "call");
    for number in 0..100 {
        core.say(cbor!(["ping", number]).unwrap());
        assert_eq!(core.hear(), cbor!(["pong", number]).unwrap());
    }
}

#[test]
fn the_end_of_the_lifeline_ends_a_worker_that_waits() {
    let mut core = Core::start();
    core.greet(wait());
    assert_eq!(verb(&core.hear()), "call");
    core.lifeline = None;
    assert_eq!(core.end(), (0, String::new()));
}

#[test]
fn a_core_that_breaks_the_protocol_ends_its_worker_with_70() {
    let mut core = Core::start();
    core.greet(wait());
    core.say_frame(b"\xff");
    let (status, said) = core.end();
    assert_eq!(status, 70, "{said}");
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn a_breach_ends_the_worker_with_1_and_its_reason() {
    let mut core = Core::start();
    core.greet(wait());
    core.say(cbor!(["breach", {"code" => "no_credit", "reason" => "because"}]).unwrap());
    let (status, said) = core.end();
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("no_credit: because"), "{said}");
}

#[test]
fn a_refusal_ends_the_worker_with_1() {
    let mut core = Core::start();
    assert_eq!(verb(&core.hear()), "hello");
    core.say(cbor!(["refused", {"code" => "unavailable", "message" => "not today"}]).unwrap());
    let (status, said) = core.end();
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("not today"), "{said}");
}

#[test]
fn who_starts_it_by_hand_is_told_in_two_lines() {
    let output = Command::new(program()).env_clear().stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("STOCKADE_WORKER is not set") && said.contains("stockade run"), "{said}");
}
