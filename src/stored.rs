//! Records as a store may keep them: one document, secrets included. Not: what a handler may answer with.
//!
//! **Only [`Stored`] serializes a record, and reading one back checks it.**

/// A record as one serializable document, password hash and digests included, for a store to keep beside the columns it
/// searches. The records themselves do not implement `Serialize`, so that no handler prints a hash by accident.
///
/// Reading validates: a document that no version of this crate can have written is an error, which the store returns as
/// its own. Where a column holds a value too (last seen of a session; due time, attempts and lease of a mail), the column
/// alone counts: put it back with `with_last_seen` or `with_columns`.
///
/// ```
/// # use acceso::{Stored, User};
/// fn to_column(user: &User) -> Result<String, serde_json::Error> {
///     serde_json::to_string(&Stored(user))
/// }
/// fn from_column(text: &str) -> Result<User, serde_json::Error> {
///     serde_json::from_str(text).map(|Stored(user)| user)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T>(pub T);

/// Serializes `Stored<$record>` and `Stored<&$record>` as `$document`, and reads the former.
macro_rules! stored_as {
    ($record:ty, $document:ty) => {
        impl serde::Serialize for $crate::stored::Stored<$record> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&<$document>::from(&self.0), serializer)
            }
        }

        impl serde::Serialize for $crate::stored::Stored<&$record> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&<$document>::from(self.0), serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $crate::stored::Stored<$record> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let document = <$document as serde::Deserialize>::deserialize(deserializer)?;
                <$record>::try_from(document).map($crate::stored::Stored).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use stored_as;

/// Reads a value that may be null. A plain `Option` may be missing too, and a row that has lost its `locked_since` would
/// be an open lock.
pub(crate) fn or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer)
}
