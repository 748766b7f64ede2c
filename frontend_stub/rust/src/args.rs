//! The arguments of a call, by name. Knows no message.

use serde::Serialize;

use crate::channel::Channel;
use crate::channels::EndKey;
use crate::error::EncodeError;
use crate::value::{Map, Value};

/// The arguments of a call, by name: made by [`args!`](crate::args!), or from a map, or `()` for none.
#[derive(Debug, Default)]
#[must_use]
pub struct Args {
    pub(crate) values: Map,
    pub(crate) ends: Vec<(String, EndKey)>,
    /// The first that cannot be sent: the call says so.
    pub(crate) fault: Option<EncodeError>,
}

impl Args {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields of a struct, or whatever else serde takes for a map from text.
    pub fn of<T: Serialize + ?Sized>(arguments: &T) -> Self {
        match crate::to_value(arguments) {
            Ok(Value::Map(values)) => Self { values, ..Self::default() },
            Ok(_) => Self {
                fault: Some(EncodeError::new("arguments that are no struct or map")),
                ..Self::default()
            },
            Err(fault) => Self { fault: Some(fault), ..Self::default() },
        }
    }

    /// These and one more, which serde takes apart.
    pub fn with<T: Serialize + ?Sized>(mut self, name: impl Into<String>, value: &T) -> Self {
        let name = name.into();
        match crate::to_value(value) {
            Ok(value) => {
                self.values.insert(name, value);
            }
            Err(fault) => {
                self.fault.get_or_insert(fault.under(&name));
            }
        }
        self
    }

    /// These and one more, as it is: bytes that are given so are not copied.
    pub fn value(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// These and a channel, in either direction. A channel belongs to one call.
    pub fn channel(mut self, name: impl Into<String>, channel: &impl Channel) -> Self {
        self.ends.push((name.into(), channel.key()));
        self
    }
}

impl From<()> for Args {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<Map> for Args {
    fn from(values: Map) -> Self {
        Self { values, ..Self::default() }
    }
}

/// The arguments of a call, by name: `args! { name: "todo", "type": 1 }`. The values are whatever serde can take apart;
/// they are only looked at. Bytes are [`Bytes`](crate::Bytes); a name that is no identifier is written as text.
///
/// ```
/// use stockade_frontend::{Bytes, args};
///
/// let picture = args! { name: "todo", "type": 1, data: Bytes(vec![0; 16]) };
/// let nothing = args! {};
/// # let _ = (picture, nothing);
/// ```
#[macro_export]
macro_rules! args {
    (@name $name:ident) => { ::std::stringify!($name) };
    (@name $name:literal) => { $name };
    ($($name:tt : $value:expr),* $(,)?) => {
        $crate::Args::new()$(.with($crate::args!(@name $name), &$value))*
    };
}
