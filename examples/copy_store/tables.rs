//! The tables of a store over SQL and their columns, which `SQLite` and `PostgreSQL` have alike. Not: what they mean, which
//! the schemas in `src/adapter` tell; nor the table of migrations and the row that couriers lock, which each database keeps
//! for itself.
//!
//! **A table or column that is not listed here stops the copy.**

use Kind::{Bytes, Flag, Int, Text};

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
    Flag,
}

/// What one row has in a column.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Flag(bool),
}

pub(crate) type Row = Vec<Value>;

pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The first one has a value for each row, by which rows are read in order.
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// Whether the database numbers its rows, in the column `number`.
    pub(crate) is_numbered: bool,
}

impl Table {
    pub(crate) fn key(&self) -> &'static str {
        self.columns[0].0
    }

    pub(crate) fn columns(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// A key below that of any row.
    pub(crate) fn before_all(&self) -> Value {
        match self.columns[0].1 {
            Int | Flag => Value::Int(Some(i64::MIN)),
            Text => Value::Text(Some(String::new())),
            Bytes => Value::Bytes(Some(Vec::new())),
        }
    }
}

pub(crate) const TABLES: [Table; 6] = [
    Table {
        name: "acceso_users",
        columns: &[
            ("id", Bytes),
            ("version", Int),
            ("generation", Int),
            ("username", Text),
            ("email_key", Text),
            ("email", Text),
            ("full_name", Text),
            ("patients", Text),
            ("language", Text),
            ("status", Text),
            ("disabled_at", Int),
            ("disabled_by", Text),
            ("credential", Text),
            ("password_hash", Text),
            ("strikes", Int),
            ("locked_at", Int),
            ("temporary_from", Int),
            ("temporary_until", Int),
            ("created_at", Int),
            ("changed_at", Int),
        ],
        is_numbered: false,
    },
    Table {
        name: "acceso_registrations",
        columns: &[
            ("id", Bytes),
            ("number", Int),
            ("username", Text),
            ("email_key", Text),
            ("email", Text),
            ("full_name", Text),
            ("password_hash", Text),
            ("language", Text),
            ("registered_at", Int),
            ("expires_at", Int),
        ],
        is_numbered: true,
    },
    Table {
        name: "acceso_mailboxes",
        columns: &[
            ("id", Bytes),
            ("version", Int),
            ("email_key", Text),
            ("email", Text),
            ("last_link_ends", Int),
            ("purge_from", Int),
            ("entries", Text),
        ],
        is_numbered: false,
    },
    Table {
        name: "acceso_sessions",
        columns: &[
            ("digest", Bytes),
            ("session_id", Bytes),
            ("user_id", Bytes),
            ("kind", Text),
            ("remembered", Flag),
            ("opened_at", Int),
            ("last_seen", Int),
            ("absolute_end", Int),
            ("device", Text),
        ],
        is_numbered: false,
    },
    Table {
        name: "acceso_mail",
        columns: &[
            ("id", Bytes),
            ("purpose", Text),
            ("user_id", Bytes),
            ("generation", Int),
            ("email", Text),
            ("username", Text),
            ("group_key", Text),
            ("place", Int),
            ("queued_at", Int),
            ("due_at", Int),
            ("attempts", Int),
            ("lease", Int),
            ("lease_until", Int),
        ],
        is_numbered: false,
    },
    Table {
        name: "acceso_events",
        columns: &[
            ("number", Int),
            ("at", Int),
            ("kind", Text),
            ("mail", Text),
            ("user_id", Bytes),
            ("address", Text),
            ("device", Text),
        ],
        is_numbered: true,
    },
];
