//! What the database holds at the end, read by plain SQL. Not: through the store, whose word this is to check.
//!
//! **Nothing of `src/` is asked here.**

use sqlx::{PgPool, Row, SqlitePool};

#[derive(Debug, Clone, Default)]
pub struct Tables {
    pub users: Vec<UserRow>,
    pub sessions: Vec<SessionRow>,
    pub mailboxes: Vec<MailboxRow>,
    pub events: Vec<EventRow>,
    /// Purposes of mails that still wait.
    pub mail: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct UserRow {
    pub id: String,
    pub version: i64,
    pub generation: i64,
    pub username: String,
    pub email: String,
    pub credential: String,
    pub strikes: Option<i64>,
    pub locked_at: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct SessionRow {
    pub user: String,
    /// The call that opened it.
    pub call: String,
}

#[derive(Debug, Clone)]
pub struct MailboxRow {
    pub id: String,
    pub version: i64,
}

#[derive(Debug, Clone)]
pub struct EventRow {
    pub number: i64,
    pub at: i64,
    pub kind: String,
    pub mail: Option<String>,
    pub user: Option<String>,
    /// The call that recorded it; none if a courier did.
    pub call: Option<String>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

macro_rules! reader {
    ($name:ident, $pool:ty) => {
        pub async fn $name(pool: &$pool) -> Result<Tables, sqlx::Error> {
            let mut tables = Tables::default();
            let sql =
                "select id, version, generation, username, email, credential, strikes, locked_at from acceso_users";
            for row in sqlx::query(sql).fetch_all(pool).await? {
                tables.users.push(UserRow {
                    id: hex(&row.try_get::<Vec<u8>, _>("id")?),
                    version: row.try_get("version")?,
                    generation: row.try_get("generation")?,
                    username: row.try_get("username")?,
                    email: row.try_get("email")?,
                    credential: row.try_get("credential")?,
                    strikes: row.try_get("strikes")?,
                    locked_at: row.try_get("locked_at")?,
                });
            }
            for row in sqlx::query("select user_id, device from acceso_sessions").fetch_all(pool).await? {
                let user = hex(&row.try_get::<Vec<u8>, _>("user_id")?);
                tables.sessions.push(SessionRow { user, call: row.try_get("device")? });
            }
            for row in sqlx::query("select id, version from acceso_mailboxes").fetch_all(pool).await? {
                let id = hex(&row.try_get::<Vec<u8>, _>("id")?);
                tables.mailboxes.push(MailboxRow { id, version: row.try_get("version")? });
            }
            let sql = "select number, at, kind, mail, user_id, device from acceso_events order by number";
            for row in sqlx::query(sql).fetch_all(pool).await? {
                tables.events.push(EventRow {
                    number: row.try_get("number")?,
                    at: row.try_get("at")?,
                    kind: row.try_get("kind")?,
                    mail: row.try_get("mail")?,
                    user: row.try_get::<Option<Vec<u8>>, _>("user_id")?.as_deref().map(hex),
                    call: row.try_get("device")?,
                });
            }
            for row in sqlx::query("select purpose from acceso_mail").fetch_all(pool).await? {
                tables.mail.push(row.try_get("purpose")?);
            }
            Ok(tables)
        }
    };
}

reader!(of_sqlite, SqlitePool);
reader!(of_postgres, PgPool);
