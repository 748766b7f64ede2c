//! Whatever can be said is read as it was written, and whatever comes is read or refused.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::is_same;
use crate::value::Value;
use crate::wire::{DEPTH, decode, encode};

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
        vec(any::<u8>(), 0..300).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            btree_map(".{0,8}", inner, 0..8).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(value in values()) {
        let written = encode(&value, DEPTH).expect("it is not deep");
        prop_assert!(is_same(&decode(&written).expect("it was written here"), &value));
    }

    #[test]
    fn no_beginning_of_it_is_a_value_nor_it_and_more(value in values(), behind in any::<u8>()) {
        let mut written = encode(&value, DEPTH).expect("it is not deep");
        for length in 0..written.len() {
            prop_assert!(decode(&written[..length]).is_err());
        }
        written.push(behind);
        prop_assert!(decode(&written).is_err());
    }

    #[test]
    fn whatever_comes_is_read_or_refused(frame in vec(any::<u8>(), 0..64)) {
        if let Ok(value) = decode(&frame) {
            prop_assert!(is_same(&decode(&encode(&value, DEPTH).expect("it was read")).expect("it was written"), &value));
        }
    }

    #[test]
    fn serde_takes_apart_and_puts_together_the_same(value in values()) {
        let apart = crate::to_value(&value).expect("a value is one");
        prop_assert!(is_same(&apart, &value));
        prop_assert!(is_same(&crate::from_value::<Value>(apart).expect("a value is one"), &value));
    }
}

#[test]
fn what_is_too_deep_is_refused_where_it_stands() {
    let deep =
        |levels: usize| (1..levels).fold(Value::Array(Vec::new()), |inner, _| Value::Array(vec![inner]));
    assert!(encode(&deep(DEPTH), DEPTH).is_ok());
    let error = encode(&deep(DEPTH + 1), DEPTH).expect_err("too deep");
    assert_eq!(error.path(), "[0]".repeat(DEPTH));
}

#[test]
fn a_length_that_is_a_lie_takes_no_memory() {
    assert!(decode(&[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(decode(&[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(decode(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
}
