//! One worker's side of the conversation, played against a core that says what a script has.

use std::time::{Duration, Instant};

use super::{hear, json, map, open, said, try_hear};
use crate::calls::{Asking, Ticket, Time};
use crate::error::code;
use crate::handled::Export;
use crate::message::RAW;
use crate::session::{Session, State};
use crate::value::Value;
use crate::{CommandError, EndKind, Error};

fn asking(command: &str) -> Asking {
    Asking { command: command.into(), ..Asking::default() }
}

fn ask(session: &mut Session, asking: Asking) -> Ticket {
    session.calls.ask(asking, Instant::now(), &mut session.channels).expect("a call")
}

fn refused(session: &mut Session, asking: Asking) -> Error {
    session.calls.ask(asking, Instant::now(), &mut session.channels).expect_err("a refusal")
}

fn messages(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| json(text)).collect()
}

fn code_of(answer: Option<Result<Value, CommandError>>) -> String {
    answer.expect("an answer").expect_err("an error").code.into_owned()
}

#[test]
fn calls_are_numbered_and_answered_in_any_order() {
    let mut session = open();
    let (one, two) = (ask(&mut session, asking("a")), ask(&mut session, asking("b")));
    assert_eq!(said(&mut session), messages(&[r#"["call", 1, "a", {}]"#, r#"["call", 2, "b", {}]"#]));
    hear(
        &mut session,
        &messages(&[r#"["result", 2, 5]"#, r#"["error", 1, {"code": "x.y", "message": "no"}]"#]),
    );
    assert_eq!(session.calls.take(two), Some(Ok(5.into())));
    assert_eq!(code_of(session.calls.take(one)), "x.y");
    assert_eq!(session.calls.take(one), None);
}

#[test]
fn a_call_above_the_limit_waits_for_room_unless_it_may_not() {
    let mut session = open();
    ask(&mut session, asking("a"));
    ask(&mut session, asking("b"));
    assert!(refused(&mut session, Asking { at_once: true, ..asking("c") }).is(code::BUSY));
    let held = ask(&mut session, asking("c"));
    assert!(!session.calls.has_gone(held));
    said(&mut session);
    hear(&mut session, &messages(&[r#"["result", 1, null]"#]));
    assert_eq!(said(&mut session), messages(&[r#"["call", 3, "c", {}]"#]));
}

#[test]
fn what_is_not_granted_or_too_large_is_refused_and_nothing_is_said() {
    let mut session = open();
    assert!(refused(&mut session, asking("secret")).is(code::NOT_ALLOWED));
    let large = Asking { arguments: map([("data", vec![0_u8; 70_000].into())]), ..asking("a") };
    assert!(refused(&mut session, large).is(code::TOO_LARGE));
    assert!(
        session
            .prepare_emit("notes/changed", &Value::Null, None, None)
            .is_err_and(|e| e.is(code::NOT_ALLOWED))
    );
    let large = Value::from(vec![0_u8; 2000]);
    assert!(session.prepare_emit("editor/opened", &large, None, None).is_err_and(|e| e.is(code::TOO_LARGE)));
    assert!(session.subscribe("tasks/done|").is_err_and(|e| e.is(code::NOT_ALLOWED)));
    assert!(said(&mut session).is_empty());
    ask(&mut session, asking("a"));
    assert_eq!(said(&mut session), messages(&[r#"["call", 1, "a", {}]"#]));
}

#[test]
fn a_busy_core_is_asked_again_under_the_next_id_until_the_time_is_over() {
    let (mut session, now) = (open(), Instant::now());
    let deadline = now + Duration::from_secs(1);
    let ticket = ask(&mut session, Asking { time: Time::Until(deadline), ..asking("a") });
    said(&mut session);
    hear(&mut session, &messages(&[r#"["error", 1, {"code": "busy", "message": ""}]"#]));
    assert!(!session.calls.is_answered(ticket));
    session.wake(now + Duration::from_millis(500));
    let again = said(&mut session);
    assert_eq!(again[0].as_array().unwrap()[1], 2.into());
    session.wake(deadline);
    assert_eq!(said(&mut session), messages(&[r#"["cancel", 2]"#]));
    assert_eq!(code_of(session.calls.take(ticket)), code::DEADLINE_EXCEEDED);
    hear(&mut session, &messages(&[r#"["result", 2, "late"]"#]));
}

#[test]
fn busy_is_the_answer_if_the_call_may_not_wait() {
    let mut session = open();
    let ticket = ask(&mut session, Asking { at_once: true, ..asking("a") });
    hear(&mut session, &messages(&[r#"["error", 1, {"code": "busy", "message": ""}]"#]));
    assert_eq!(code_of(session.calls.take(ticket)), code::BUSY);
}

#[test]
fn a_cancelled_call_keeps_its_place_until_the_core_has_answered() {
    let mut session = open();
    let ticket = ask(&mut session, asking("a"));
    ask(&mut session, asking("b"));
    let error = CommandError::new(code::CANCELLED, "enough");
    assert!(session.calls.cancel(ticket, error.clone(), &mut session.channels));
    assert!(!session.calls.cancel(ticket, error, &mut session.channels));
    assert!(refused(&mut session, Asking { at_once: true, ..asking("c") }).is(code::BUSY));
    hear(&mut session, &messages(&[r#"["result", 1, "crossed"]"#]));
    assert_eq!(code_of(session.calls.take(ticket)), code::CANCELLED);
    ask(&mut session, Asking { at_once: true, ..asking("c") });
    assert!(try_hear(&mut session, &messages(&[r#"["result", 1, 1]"#]), Vec::new()).is_err());
}

#[test]
fn large_bytes_go_in_frames_of_their_own() {
    let mut session = open();
    let data = vec![7_u8; RAW];
    ask(
        &mut session,
        Asking { arguments: map([("data", data.clone().into()), ("n", 1.into())]), ..asking("a") },
    );
    let batch = session.channels.outbox.batch().expect("a batch");
    assert_eq!(batch.frames, [data]);
    assert_eq!(said(&mut session), messages(&[r#"["call", 1, "a", {"n": 1}, {"raw": {"data": 1}}]"#]));
}

#[test]
fn a_channel_is_sent_on_as_its_credit_allows_and_ends() {
    let mut session = open();
    let key = session.channels.new_sender();
    let ticket = ask(&mut session, Asking { ends: vec![("items".into(), key)], ..asking("a") });
    let call = r#"["call", 1, "a", {}, {"channels": {"items": {"id": 1, "to": "callee"}}}]"#;
    assert_eq!(said(&mut session), messages(&[call]));
    assert!(!session.channels.moves(key));
    hear(&mut session, &messages(&[r#"["credit", 1, 1]"#]));
    session.channels.send(key, 5.into()).unwrap();
    assert!(!session.channels.moves(key));
    session.channels.finish(key, None);
    assert_eq!(said(&mut session), messages(&[r#"["item", 1, 5]"#, r#"["end", 1]"#]));
    assert!(session.channels.send(key, 6.into()).is_err());
    hear(&mut session, &messages(&[r#"["credit", 1, 1]"#, r#"["drop", 1]"#, r#"["result", 1, 5]"#]));
    assert_eq!(session.calls.take(ticket), Some(Ok(5.into())));
}

#[test]
fn a_stream_is_granted_half_of_its_window_at_a_time_and_no_more_may_come() {
    let mut session = open();
    let key = session.channels.new_receiver(2);
    ask(&mut session, Asking { ends: vec![("yield".into(), key)], ..asking("a") });
    said(&mut session);
    hear(&mut session, &messages(&[r#"["item", 1, 0]"#, r#"["item", 1, 1]"#]));
    assert_eq!(session.channels.take(key), Ok(Some(0.into())));
    assert_eq!(said(&mut session), messages(&[r#"["credit", 1, 1]"#]));
    hear(&mut session, &messages(&[r#"["item", 1, 2]"#]));
    let ended =
        try_hear(&mut session, &messages(&[r#"["item", 1, 3]"#]), Vec::new()).expect_err("over its credit");
    assert_eq!(ended.kind(), EndKind::CoreBroken);
}

#[test]
fn the_error_of_its_call_ends_a_channel() {
    let mut session = open();
    let key = session.channels.new_receiver(2);
    ask(&mut session, Asking { ends: vec![("yield".into(), key)], ..asking("a") });
    hear(&mut session, &messages(&[r#"["item", 1, 0]"#, r#"["error", 1, {"code": "a.b", "message": ""}]"#]));
    assert_eq!(session.channels.take(key), Ok(Some(0.into())));
    assert_eq!(session.channels.take(key).unwrap_err().code, "a.b");
    assert_eq!(session.channels.take(key), Ok(None));
}

#[test]
fn a_channel_that_was_let_go_before_its_call_went_ends_behind_it() {
    let mut session = open();
    ask(&mut session, asking("a"));
    ask(&mut session, asking("b"));
    let key = session.channels.new_receiver(2);
    ask(&mut session, Asking { ends: vec![("yield".into(), key)], ..asking("c") });
    session.channels.release(key);
    said(&mut session);
    hear(&mut session, &messages(&[r#"["result", 1, null]"#]));
    assert_eq!(said(&mut session)[1], json(r#"["drop", 1]"#));
    hear(&mut session, &messages(&[r#"["item", 1, 0]"#]));
}

#[test]
fn channels_above_the_limit_and_channels_passed_twice_are_refused() {
    let mut session = open();
    let keys = [(); 3].map(|()| session.channels.new_sender());
    let ends = |keys: &[_]| keys.iter().zip(["a", "b", "c"]).map(|(key, name)| (name.into(), *key)).collect();
    assert!(refused(&mut session, Asking { ends: ends(&keys), ..asking("a") }).is(code::BUSY));
    let twice = ends(&[keys[0], keys[0]]);
    assert!(matches!(refused(&mut session, Asking { ends: twice, ..asking("a") }), Error::Misuse(_)));
    ask(&mut session, Asking { ends: ends(&keys[..1]), ..asking("a") });
    assert!(matches!(
        refused(&mut session, Asking { ends: ends(&keys[..1]), ..asking("a") }),
        Error::Misuse(_)
    ));
}

fn exporting(name: &str) -> Session {
    let mut session = open();
    session.handled.export(name, Export::default()).unwrap();
    session.ready();
    said(&mut session);
    session
}

#[test]
fn an_exported_command_is_answered_once_as_it_was_concluded() {
    let mut session = exporting("thumbs.make");
    hear(&mut session, &messages(&[r#"["call", 1, "thumbs.make", {"a": 1}, {"caller": "other"}]"#]));
    let handled = session.handled.begin().expect("a call");
    assert_eq!((handled.caller.as_str(), handled.arguments.get("a")), ("other", Some(&1.into())));
    session.handled.conclude(1, Ok(2.into()), &mut session.channels).unwrap();
    hear(&mut session, &messages(&[r#"["cancel", 1]"#]));
    assert_eq!(said(&mut session), messages(&[r#"["result", 1, 2]"#]));
}

#[test]
fn a_call_that_cannot_be_run_is_answered_at_once() {
    let mut session = exporting("thumbs.make");
    hear(
        &mut session,
        &messages(&[
            r#"["call", 1, "nothing", {}]"#,
            r#"["call", 2, "thumbs.make", {}, {"deadline": 0}]"#,
            r#"["call", 3, "thumbs.make", {}, {"!later": 1}]"#,
            r#"["call", 4, "thumbs.make", {}]"#,
            r#"["cancel", 4]"#,
        ]),
    );
    assert!(!session.handled.is_waiting());
    let codes: Vec<_> = said(&mut session)
        .iter()
        .map(|message| message.as_array().unwrap()[2].get("code").and_then(Value::as_str).unwrap().to_owned())
        .collect();
    assert_eq!(codes, [code::NOT_FOUND, code::DEADLINE_EXCEEDED, code::BAD_MESSAGE, code::CANCELLED]);
}

#[test]
fn a_cancelled_call_stops_what_is_part_of_it_and_is_answered_cancelled() {
    let mut session = exporting("thumbs.make");
    hear(&mut session, &messages(&[r#"["call", 1, "thumbs.make", {}]"#]));
    session.handled.begin().expect("a call");
    let nested = ask(&mut session, Asking { parent: Some(1), ..asking("a") });
    assert_eq!(said(&mut session), messages(&[r#"["call", 1, "a", {}, {"parent": 1}]"#]));
    hear(&mut session, &messages(&[r#"["cancel", 1]"#]));
    assert_eq!(code_of(session.calls.take(nested)), code::CANCELLED);
    assert!(session.handled.stopped(1).is_some());
    session.handled.conclude(1, Ok(Value::Null), &mut session.channels).unwrap();
    let answers = said(&mut session);
    assert_eq!(answers[0], json(r#"["cancel", 1]"#));
    assert_eq!(answers[1].as_array().unwrap()[2].get("code"), Some(&code::CANCELLED.into()));
}

#[test]
fn a_call_whose_time_is_over_is_answered_whatever_its_handler_does() {
    let mut session = exporting("thumbs.make");
    hear(&mut session, &messages(&[r#"["call", 1, "thumbs.make", {}, {"deadline": 50}]"#]));
    session.handled.begin().expect("a call");
    session.wake(Instant::now() + Duration::from_millis(60));
    assert_eq!(said(&mut session).len(), 1);
    session.handled.conclude(1, Ok(Value::Null), &mut session.channels).unwrap();
    assert!(said(&mut session).is_empty());
}

#[test]
fn a_result_that_cannot_be_sent_is_an_error_for_its_caller() {
    let mut session = exporting("thumbs.make");
    hear(&mut session, &messages(&[r#"["call", 1, "thumbs.make", {}]"#]));
    session.handled.begin().expect("a call");
    let fault = session.handled.conclude(1, Ok(vec![0_u8; 70_000].into()), &mut session.channels);
    assert!(fault.is_err_and(|error| error.is(code::TOO_LARGE)));
    assert_eq!(said(&mut session)[0].as_array().unwrap()[2].get("code"), Some(&code::TOO_LARGE.into()));
}

#[test]
fn each_subscription_has_its_own_answer() {
    let mut session = open();
    assert!(session.subscribe("notes/a|").unwrap());
    assert!(!session.subscribe("notes/a|").unwrap());
    session.unsubscribe("notes/a|");
    assert!(session.subscribe("notes/a|").unwrap());
    let denied = r#"["denied", "notes/a|", {"code": "busy", "message": ""}]"#;
    hear(&mut session, &messages(&[denied]));
    assert_eq!(session.subscribed("notes/a|"), None);
    hear(&mut session, &messages(&[r#"["listening", "notes/a|"]"#]));
    assert_eq!(session.subscribed("notes/a|"), Some(Ok(())));
    assert!(try_hear(&mut session, &messages(&[r#"["listening", "notes/a|"]"#]), Vec::new()).is_err());
    session.subscribe("notes/b|").unwrap();
    assert!(session.subscribe("notes/c|").is_err_and(|error| error.is(code::BUSY)));
}

#[test]
fn behind_bye_nothing_is_said_and_what_crosses_it_is_ignored() {
    let mut session = exporting("thumbs.make");
    let held: Vec<_> = ["a", "b", "c"].map(|command| ask(&mut session, asking(command))).into();
    said(&mut session);
    session.bye();
    assert_eq!(said(&mut session), messages(&[r#"["bye", {"emitted": 0}]"#]));
    assert_eq!(code_of(session.calls.take(held[2])), code::CANCELLED);
    let crossing = [
        r#"["ping", 1]"#,
        r#"["call", 1, "thumbs.make", {}, {"channels": {"items": {"id": 2, "to": "callee"}}}]"#,
        r#"["item", 2, 0]"#,
        r#"["result", 1, 1]"#,
        r#"["bye", {"emitted": 0}]"#,
    ];
    hear(&mut session, &messages(&crossing));
    assert_eq!(session.state, State::Left);
    assert!(said(&mut session).is_empty());
    assert!(matches!(refused(&mut session, asking("a")), Error::Closed));
}
