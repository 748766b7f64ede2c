//! The strict profile of CBOR (protocol, section 4): values to bytes and back, or a refusal. Knows no message.
//!
//! minicbor reads and writes each item; what it would take and the profile does not is refused here, item by item.

use std::convert::Infallible;
use std::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use crate::error::EncodeError;
use crate::value::{Map, Value};

/// Containers within containers, the outermost counted.
pub const DEPTH: usize = 32;
/// The protocol's own integers end here, where a double stops being exact.
pub const LARGEST_ID: u64 = (1 << 53) - 1;

/// Bytes that are not one item of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<minicbor::decode::Error> for DecodeError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self(error.to_string())
    }
}

/// The one value that these bytes say.
pub fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let value = item(&mut decoder, DEPTH)?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(DecodeError("bytes after the item".into()))
    }
}

/// One item, which may have so many containers within each other.
fn item(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, DecodeError> {
    Ok(match decoder.datatype()? {
        Type::Null => {
            decoder.null()?;
            Value::Null
        }
        Type::Bool => Value::Bool(decoder.bool()?),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => {
            let integer = i64::try_from(decoder.int()?);
            Value::Int(integer.map_err(|_| DecodeError("an integer that does not fit into 64 bits".into()))?)
        }
        Type::F16 => Value::Float(decoder.f16()?.into()),
        Type::F32 => Value::Float(decoder.f32()?.into()),
        Type::F64 => Value::Float(decoder.f64()?),
        Type::String => Value::Text(decoder.str()?.to_owned()),
        Type::Bytes => Value::Bytes(decoder.bytes()?.to_vec()),
        Type::Array => array(decoder, inside(depth)?)?,
        Type::Map => map(decoder, inside(depth)?)?,
        other => return Err(DecodeError(format!("{other}, which the profile does not have"))),
    })
}

fn inside(depth: usize) -> Result<usize, DecodeError> {
    depth.checked_sub(1).ok_or_else(|| DecodeError(format!("more than {DEPTH} containers within each other")))
}

fn array(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, DecodeError> {
    let length = definite(decoder.array()?)?;
    // A length is a claim: each item takes a byte at the least, so no more than these are ever there.
    let left = decoder.input().len() - decoder.position();
    let mut items = Vec::with_capacity(left.min(usize::try_from(length).unwrap_or(left)));
    for _ in 0..length {
        items.push(item(decoder, depth)?);
    }
    Ok(Value::Array(items))
}

fn map(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, DecodeError> {
    let mut map = Map::new();
    for _ in 0..definite(decoder.map()?)? {
        let key = decoder.str()?;
        if map.contains_key(key) {
            return Err(DecodeError(format!("the key {key:?} twice in a map")));
        }
        let key = key.to_owned();
        map.insert(key, item(decoder, depth)?);
    }
    Ok(Value::Map(map))
}

fn definite(length: Option<u64>) -> Result<u64, DecodeError> {
    length.ok_or_else(|| DecodeError("an indefinite length".into()))
}

/// What minicbor may say while it writes to a vector: nothing.
pub type Written = Result<(), minicbor::encode::Error<Infallible>>;
/// What writes an item to a vector.
pub type Writer<'a> = Encoder<&'a mut Vec<u8>>;

/// The bytes that `write` writes.
pub fn written(write: impl FnOnce(&mut Writer<'_>) -> Written) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    let done = write(&mut Encoder::new(&mut bytes));
    debug_assert!(done.is_ok(), "writing to a vector cannot fail: its error is Infallible");
    bytes
}

/// One item, where so many containers may stand within each other.
#[cfg(test)] // what is sent stands in messages, which are written as a whole
pub fn encode(value: &Value, depth: usize) -> Result<Vec<u8>, EncodeError> {
    check(value, depth)?;
    Ok(written(|writer| put(writer, value)))
}

/// Whether the value fits where so many containers may stand within each other: of all that the profile refuses, the
/// one thing that a [`Value`] can be.
pub fn check(value: &Value, depth: usize) -> Result<(), EncodeError> {
    let deeper = || {
        depth
            .checked_sub(1)
            .ok_or_else(|| EncodeError::new(format!("more than {DEPTH} containers within each other")))
    };
    match value {
        Value::Array(items) => {
            let depth = deeper()?;
            for (index, item) in items.iter().enumerate() {
                check(item, depth).map_err(|error| error.at(index))?;
            }
        }
        Value::Map(map) => {
            let depth = deeper()?;
            for (key, item) in map {
                check(item, depth).map_err(|error| error.under(key))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Write a value that has been checked.
pub fn put(writer: &mut Writer<'_>, value: &Value) -> Written {
    match value {
        Value::Null => writer.null()?,
        Value::Bool(value) => writer.bool(*value)?,
        Value::Int(value) => writer.i64(*value)?,
        Value::Float(value) => writer.f64(*value)?,
        Value::Text(value) => writer.str(value)?,
        Value::Bytes(value) => writer.bytes(value)?,
        Value::Array(items) => {
            writer.array(items.len() as u64)?;
            for item in items {
                put(writer, item)?;
            }
            return Ok(());
        }
        Value::Map(map) => {
            writer.map(map.len() as u64)?;
            for (key, item) in map {
                put(writer.str(key)?, item)?;
            }
            return Ok(());
        }
    };
    Ok(())
}

/// The protocol's own integer that this is, if it is one. A float of integral value is one: some encoders do so.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // in range: exact
pub fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Int(value) => u64::try_from(*value).ok().filter(|value| *value <= LARGEST_ID),
        Value::Float(value) if value.fract() == 0.0 && (0.0..=LARGEST_ID as f64).contains(value) => {
            Some(*value as u64)
        }
        _ => None,
    }
}
