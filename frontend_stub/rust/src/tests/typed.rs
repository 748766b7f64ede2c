//! What serde makes of values, and values of what serde has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json;
use crate::{Args, Bytes, Value, args, from_value, to_value};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    name: String,
    size: u16,
    tags: Vec<Tag>,
    data: Bytes,
    parent: Option<Box<Note>>,
    score: f32,
    place: (i8, char),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tag {
    Plain,
    Named(String),
    Pair(i32, i32),
    Full { a: bool },
}

#[test]
fn a_struct_is_a_map_and_comes_back() {
    let note = Note {
        name: "todo".into(),
        size: 3,
        tags: vec![Tag::Plain, Tag::Named("x".into()), Tag::Pair(1, -1), Tag::Full { a: true }],
        data: Bytes(vec![0, 255]),
        parent: None,
        score: 0.5,
        place: (-1, 'ä'),
    };
    let said = json(
        r#"{
            "name": "todo", "size": 3, "tags": ["Plain", {"Named": "x"}, {"Pair": [1, -1]}, {"Full": {"a": true}}],
            "data": {"$bytes": "00ff"}, "parent": null, "score": {"$float": "0.5"}, "place": [-1, "ä"]
        }"#,
    );
    assert_eq!(to_value(&note).unwrap(), said);
    assert_eq!(from_value::<Note>(said).unwrap(), note);
}

#[test]
fn nothing_is_coerced() {
    assert!(from_value::<u8>(256.into()).is_err());
    assert!(from_value::<u8>((-1).into()).is_err());
    assert!(from_value::<i64>(1.0.into()).is_err());
    assert!(from_value::<String>(Value::Bytes(b"text".to_vec())).is_err());
    assert!(from_value::<Bytes>("text".into()).is_err());
    assert!(from_value::<bool>(1.into()).is_err());
    assert!(from_value::<(u8, u8)>(json("[1, 2, 3]")).is_err());
    assert!(from_value::<String>(Value::Null).is_err());
}

#[test]
fn what_cannot_be_said_is_refused_where_it_stands() {
    assert_eq!(to_value(&[u64::MAX]).unwrap_err().path(), "[0]");
    assert!(to_value(&BTreeMap::from([(1, "one")])).is_err());
    let deep = BTreeMap::from([("a", vec![BTreeMap::from([("b", u64::MAX)])])]);
    assert_eq!(to_value(&deep).unwrap_err().path(), "a[0].b");
}

#[test]
fn arguments_are_named() {
    let arguments = args! { name: "todo", "type": 1, };
    assert_eq!(Value::Map(arguments.values), json(r#"{"name": "todo", "type": 1}"#));
    assert_eq!(args! { size: u64::MAX }.fault.unwrap().path(), "size");
    assert!(Args::of(&1).fault.is_some());
    assert_eq!(Args::of(&BTreeMap::from([("a", 1)])).values.len(), 1);
}
