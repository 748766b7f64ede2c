//! docs/vectors.json, all of it that concerns a worker.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::{bytes, is_same, json, map, notation, open, welcome};
use crate::calls::Asking;
use crate::event::{Emit, check_event, read_event, topic_of};
use crate::grant::Grant;
use crate::message::{Frames, Said, read, read_batch};
use crate::session::Session;
use crate::value::Value;
use crate::wire::{DEPTH, decode, encode};
use crate::{EndKind, Ended};

type Json = serde_json::Value;

fn section(name: &str) -> Vec<Json> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors.json");
    let all: Json = serde_json::from_slice(&fs::read(file).expect("docs/vectors.json")).expect("JSON");
    all[name].as_array().expect("a section").clone()
}

fn is_valid(vector: &Json) -> bool {
    vector["valid"].as_bool().expect("valid or not")
}

/// Look at each of these, and be sure that there are at least so many: none is skipped without a word.
fn each(vectors: &[Json], least: usize, look: impl Fn(&Json) -> Result<(), String>) {
    let faults: Vec<_> = vectors
        .iter()
        .filter_map(|vector| look(vector).err().map(|fault| format!("{}: {fault}", vector["name"])))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(vectors.len() >= least, "{} vectors, where there were {least}", vectors.len());
}

#[test]
fn what_is_valid_is_read_as_its_value() {
    each(&section("decode"), 110, |vector| {
        let value = decode(&bytes(&vector["hex"])).map_err(|error| error.to_string())?;
        if is_same(&value, &notation(&vector["value"])) { Ok(()) } else { Err(format!("{value:?}")) }
    });
}

#[test]
fn what_is_written_is_read_as_the_same_and_is_shortest_but_for_floats() {
    each(&section("encode"), 73, |vector| {
        let value = notation(&vector["value"]);
        let written = encode(&value, DEPTH).map_err(|error| error.to_string())?;
        let read = decode(&written).map_err(|error| error.to_string())?;
        let is_short = written.len() == bytes(&vector["hex"]).len() || format!("{value:?}").contains("Float");
        if is_same(&read, &value) && is_short { Ok(()) } else { Err(format!("{written:x?}")) }
    });
}

#[test]
fn what_is_no_value_is_refused() {
    each(&section("refuse"), 196, |vector| {
        decode(&bytes(&vector["hex"])).map_or(Ok(()), |value| Err(format!("{value:?}")))
    });
}

/// What a core has said to a worker that is greeted, or, if it is an answer to the greeting, is not.
fn told(vector: &Json) -> Result<Vec<Said>, Ended> {
    let (frame, raw) = (bytes(&vector["hex"]), vector["frames"].as_array());
    let raw: Vec<_> = raw.map(|raw| raw.iter().map(bytes).collect()).unwrap_or_default();
    let mut frames = Frames::new(raw)?;
    let mut messages = Vec::new();
    for message in read_batch(&frame)? {
        let said = read(message)?;
        if let Said::Result(_, valued) | Said::Item(_, valued) = &said {
            frames.of(valued.clone())?;
        }
        if let Said::Call(call) = &said {
            call.raw.iter().try_for_each(|(_, index)| frames.take(*index).map(drop))?;
        }
        messages.push(said);
    }
    frames.check_all_taken()?;
    Ok(messages)
}

#[test]
fn messages_of_the_core_are_taken_as_their_table_has_them() {
    let messages: Vec<_> =
        section("messages").into_iter().filter(|vector| vector["from"] == "core").collect();
    each(&messages, 86, |vector| {
        if is_valid(vector) {
            return told(vector).map(drop).map_err(|ended| ended.to_string());
        }
        // Not all of these can be seen without the conversation: one in which call 1 awaits its answer.
        let mut session = open();
        let asking = Asking { command: "echo".into(), ..Asking::default() };
        session.calls.ask(asking, Instant::now(), &mut session.channels).expect("a call");
        let raw = vector["frames"].as_array().map(|raw| raw.iter().map(bytes).collect()).unwrap_or_default();
        match session.receive(&bytes(&vector["hex"]), raw, Instant::now()) {
            Err(ended) if ended.kind() == EndKind::CoreBroken && ended.status() == 70 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn messages_of_a_worker_that_are_valid_are_values() {
    let messages: Vec<_> =
        section("messages").into_iter().filter(|vector| vector["from"] == "worker").collect();
    each(&messages, 238, |vector| {
        let frame = decode(&bytes(&vector["hex"])).map_err(|error| error.to_string());
        match (is_valid(vector), frame) {
            (true, Ok(frame)) if is_same(&frame, &notation(&vector["value"])) => Ok(()),
            (true, other) => Err(format!("{other:?}")),
            (false, _) => Ok(()), // these nobody who uses this crate can say
        }
    });
}

#[test]
fn events_are_read_or_refused() {
    each(&section("events"), 22, |vector| match (is_valid(vector), read_event(&bytes(&vector["hex"]))) {
        (true, Ok(event)) => {
            let body = notation(&vector["value"]);
            let is_as_said = body.as_array().is_some_and(|body| body[2] == event.payload);
            if is_as_said { Ok(()) } else { Err(format!("{event:?}")) }
        }
        (false, Err(ended)) if ended.kind() == EndKind::CoreBroken => Ok(()),
        (_, other) => Err(format!("{other:?}")),
    });
}

#[test]
fn emits_are_written_as_they_are_read() {
    each(&section("emits"), 57, |vector| {
        let Some(name) = vector["topic"].as_str().and_then(|topic| topic.strip_suffix('|')) else {
            return Ok(());
        };
        if check_event(name).is_err() {
            return if is_valid(vector) { Err("its name was refused".into()) } else { Ok(()) };
        }
        if !is_valid(vector) {
            return Ok(()); // its body is at fault, which this crate never writes
        }
        let body = notation(&vector["value"]);
        let body = body.as_array().expect("a body");
        let seq = crate::wire::whole(&body[0]).expect("a number");
        let emit = Emit::new(name, &body[1], vector["to"].as_str(), None, DEPTH)
            .map_err(|error| error.to_string())?;
        let frame = emit.frame(seq);
        let written = decode(&frame[name.len() + 1..]).map_err(|error| error.to_string())?;
        let written = written.as_array().expect("a body").to_vec();
        let to = written.get(2).and_then(|options| options.get("to")).and_then(Value::as_str);
        let is_same = frame.len() <= emit.size()
            && crate::wire::whole(&written[0]) == Some(seq)
            && is_same(&written[1], &body[1])
            && to == vector["to"].as_str();
        if is_same { Ok(()) } else { Err(format!("{written:?}")) }
    });
}

#[test]
fn topics_are_what_the_core_takes_for_subscriptions() {
    each(&section("subscriptions"), 28, |vector| {
        let Some(name) = vector["event"].as_str().or(vector["prefix"].as_str()).filter(|_| is_valid(vector))
        else {
            return Ok(());
        };
        let topic = topic_of(name).map_err(|error| error.to_string())?;
        if topic.as_bytes() == &bytes(&vector["hex"])[1..] { Ok(()) } else { Err(topic) }
    });
}

#[test]
fn patterns_allow_what_they_say() {
    each(&section("patterns"), 35, |vector| {
        let side = |name: &str| -> Vec<String> {
            vector[name]
                .as_array()
                .expect("patterns")
                .iter()
                .map(|one| one.as_str().expect("text").into())
                .collect()
        };
        let separator =
            vector["separator"].as_str().and_then(|text| text.chars().next()).expect("a separator");
        let (allow, deny) = (side("allow"), side("deny"));
        let grant = Grant::new(separator, allow.iter().map(String::as_str), deny.iter().map(String::as_str));
        let decided = match (vector["asked"].as_str(), vector["prefix"].as_str()) {
            (Some(name), _) => grant.allows(name),
            (None, Some(prefix)) => grant.covers(prefix),
            _ => return Err("nothing is asked".into()),
        };
        if Some(decided) == vector["allowed"].as_bool() { Ok(()) } else { Err(format!("{decided}")) }
    });
}

/// A message of the core as scripts have it, with what they leave out.
fn whole(message: &Value) -> Value {
    let mut elements = message.as_array().expect("a message").to_vec();
    if elements[0].as_str() == Some("welcome") {
        return welcome();
    }
    for element in &mut elements {
        if let Value::Map(map) = element
            && map.contains_key("code")
        {
            map.entry("message".into()).or_insert_with(|| "left out".into());
        }
    }
    elements.into()
}

#[test]
fn all_that_a_core_says_in_the_conversations_is_understood() {
    each(&section("conversation"), 160, |vector| {
        for step in vector["steps"].as_array().expect("steps") {
            let messages = step["core"]["messages"].as_array().cloned().unwrap_or_default();
            let either = |message: &Json| {
                message["$either"].as_array().cloned().unwrap_or_else(|| vec![message.clone()])
            };
            for message in messages.iter().flat_map(either) {
                if step["core"]["socket"] == "commands" {
                    read(whole(&notation(&message))).map_err(|ended| format!("{message}: {ended}"))?;
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_refusal_and_a_welcome_for_another_end_it() {
    for (message, kind) in [
        (r#"["refused", {"code": "unavailable", "message": "no"}]"#, EndKind::Refused),
        (r#"["breach", {"code": "version", "reason": "no"}]"#, EndKind::Breached),
        (r#"["result", 1, null]"#, EndKind::CoreBroken),
    ] {
        let mut session = Session::new("editor", 1, "rust/test", 4);
        let ended = super::try_hear(&mut session, &[json(message)], Vec::new()).expect_err("an end");
        assert_eq!(ended.kind(), kind);
    }
    let mut other = Session::new("editor", 2, "rust/test", 4);
    assert!(super::try_hear(&mut other, &[welcome()], Vec::new()).is_err());
}

#[test]
fn a_raw_frame_is_the_value_it_stands_for() {
    let mut session = open();
    let asking = Asking { command: "blob".into(), arguments: map([]), ..Asking::default() };
    let ticket = session.calls.ask(asking, Instant::now(), &mut session.channels).expect("a call");
    let result = json(r#"["result", 1, null, {"raw": 1}]"#);
    super::try_hear(&mut session, &[result], vec![vec![1, 2]]).expect("a result");
    assert_eq!(session.calls.take(ticket), Some(Ok(vec![1, 2].into())));
}
