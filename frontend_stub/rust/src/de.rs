//! From a [`Value`] to what serde can put together. Knows no bytes.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::error::UnfitError;
use crate::value::Value;

/// What the value says, as a `T`. Nothing is coerced: no text is a number, and no float an integer.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, UnfitError> {
    T::deserialize(FromValue(value))
}

/// What stands for a value that is missing: an `Option` can be, and nothing else.
pub fn from_nothing<T: DeserializeOwned>() -> Result<T, UnfitError> {
    T::deserialize(Nothing)
}

struct Nothing;

impl<'de> Deserializer<'de> for Nothing {
    type Error = UnfitError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, UnfitError> {
        Err(UnfitError::new("it is missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A value, for serde to read from.
pub struct FromValue(Value);

impl IntoDeserializer<'_, UnfitError> for Value {
    type Deserializer = FromValue;

    fn into_deserializer(self) -> FromValue {
        FromValue(self)
    }
}

impl<'de> Deserializer<'de> for FromValue {
    type Error = UnfitError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Text(value) => visitor.visit_string(value),
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Map(map) => {
                let mut entries = MapDeserializer::new(map.into_iter());
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        if self.0 == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, UnfitError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, UnfitError> {
        match self.0 {
            Value::Text(name) => visitor.visit_enum(Variant { name, content: Value::Null }),
            Value::Map(map) if map.len() == 1 => match map.into_iter().next() {
                Some((name, content)) => visitor.visit_enum(Variant { name, content }),
                None => Err(UnfitError::new("an empty map, where a variant is wanted")),
            },
            _ => Err(UnfitError::new("neither a text nor a map of one, where a variant is wanted")),
        }
    }

    // What serde has for text also takes bytes, and the other way round: here these are not the same.

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        if let Value::Bytes(_) = self.0 {
            Err(UnfitError::new("bytes, where text is wanted"))
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, UnfitError> {
        if let Value::Bytes(value) = self.0 {
            visitor.visit_byte_buf(value)
        } else {
            Err(UnfitError::new("bytes are wanted"))
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Variant {
    name: String,
    content: Value,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = UnfitError;
    type Variant = Content;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content), UnfitError> {
        Ok((seed.deserialize(FromValue(Value::Text(self.name)))?, Content(self.content)))
    }
}

struct Content(Value);

impl<'de> VariantAccess<'de> for Content {
    type Error = UnfitError;

    fn unit_variant(self) -> Result<(), UnfitError> {
        if self.0 == Value::Null {
            Ok(())
        } else {
            Err(UnfitError::new("a variant that carries nothing, with a value"))
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, UnfitError> {
        seed.deserialize(FromValue(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, UnfitError> {
        FromValue(self.0).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, UnfitError> {
        FromValue(self.0).deserialize_any(visitor)
    }
}
