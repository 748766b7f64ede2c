//! The parts that know no socket, against the protocol's vectors and each other.

mod codec;
mod conversation;
mod typed;
mod vectors;

use std::time::Instant;

use crate::message::hello;
use crate::session::Session;
use crate::value::{Map, Value};
use crate::wire::{DEPTH, decode, encode};

/// A value of the protocol, written as JSON.
pub fn json(text: &str) -> Value {
    notation(&serde_json::from_str(text).expect("JSON"))
}

/// A value in the notation of the vectors.
pub fn notation(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => (*value).into(),
        serde_json::Value::Number(value) => value.as_i64().expect("every float is written otherwise").into(),
        serde_json::Value::String(value) => value.as_str().into(),
        serde_json::Value::Array(items) => items.iter().map(notation).collect::<Vec<_>>().into(),
        serde_json::Value::Object(map) => match map.iter().next() {
            Some((key, value)) if key.starts_with('$') && map.len() == 1 => special(key, value),
            _ => Value::Map(map.iter().map(|(key, value)| (key.clone(), notation(value))).collect()),
        },
    }
}

fn special(key: &str, value: &serde_json::Value) -> Value {
    match key {
        "$bytes" => bytes(value).into(),
        "$float" => value.as_str().expect("a float").parse::<f64>().expect("a float").into(),
        "$int" => value.as_str().expect("an integer").parse::<i64>().expect("an integer").into(),
        "$map" => {
            let entry = |entry: &serde_json::Value| {
                (entry[0].as_str().expect("a key").to_owned(), notation(&entry[1]))
            };
            Value::Map(value.as_array().expect("entries").iter().map(entry).collect())
        }
        other => panic!("{other} is no notation"),
    }
}

/// Bytes that are written in hexadecimal digits.
pub fn bytes(json: &serde_json::Value) -> Vec<u8> {
    let digits = json.as_str().expect("hexadecimal digits").as_bytes();
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("digits");
    digits.chunks(2).map(byte).collect()
}

/// The same, though NaN is not equal to itself.
pub fn is_same(one: &Value, other: &Value) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

/// What a core says first, with limits that are soon reached.
pub fn welcome() -> Value {
    json(
        r#"["welcome", {
            "protocol": 1, "worker": "editor", "generation": 1, "core": "test/0",
            "limits": {
                "message": 65536, "event": 1024, "batch": 64, "calls": 2, "channels": 2, "frames": 63, "topics": 2,
                "depth": 32
            },
            "grants": {
                "commands": {"allow": ["**"], "deny": ["secret"]},
                "listen": {"allow": ["notes/**"], "deny": []},
                "emit": {"allow": ["editor/**"], "deny": []}
            }
        }]"#,
    )
}

/// A conversation that is open, and what has been said in it read.
pub fn open() -> Session {
    let mut session = Session::new("editor", 1, "rust/test", 4);
    assert_eq!(said(&mut session), [decode(&hello("rust/test")).expect("hello")]);
    hear(&mut session, &[welcome()]);
    session
}

/// The core says this, in one batch.
pub fn hear(session: &mut Session, messages: &[Value]) {
    try_hear(session, messages, Vec::new()).expect("a core that keeps to the protocol");
}

/// The core says this, with raw frames behind it.
pub fn try_hear(session: &mut Session, messages: &[Value], raw: Vec<Vec<u8>>) -> Result<(), crate::Ended> {
    let frame = encode(&messages.to_vec().into(), DEPTH).expect("a batch");
    session.receive(&frame, raw, Instant::now())
}

/// What the worker has said since this was asked last, but for raw frames.
pub fn said(session: &mut Session) -> Vec<Value> {
    let mut messages = Vec::new();
    while let Some(batch) = session.channels.outbox.batch() {
        let Ok(Value::Array(batch)) = decode(&batch.head) else { panic!("no batch: {batch:?}") };
        messages.extend(batch);
        session.channels.outbox.sent();
    }
    messages
}

/// A map of these.
pub fn map<const N: usize>(entries: [(&str, Value); N]) -> Map {
    Map::from(entries.map(|(name, value)| (name.to_owned(), value)))
}
