//! The example `copy_store`: lives that begin in one store and go on in the other; and in a backup, which forgets more. Not:
//! the stores' own contract.
//!
//! **Whatever worked before the copy works after it, and what failed before fails after.**

#[path = "../examples/copy_store/main.rs"]
#[allow(dead_code, reason = "its `main` reads the arguments of this program")]
mod copy_store;
#[path = "common/postgres.rs"]
mod server;

use std::sync::Arc;

use acceso::adapter::memory::{MemoryMailer, MemoryRegistry};
use acceso::adapter::postgres::PostgresStore;
use acceso::adapter::sqlite::SqliteStore;
use acceso::test_util::{FakeClock, cheap_hashing};
use acceso::{
    Acceso, Client, Confirmation, ConfirmationForm, Courier, Login, LoginForm, Mail, MailPurpose, PasswordRecoveryForm,
    Patient, Policy, RecoveryConfirmation, RecoveryRequest, Registering, RegistrationForm, SessionToken, SignedIn,
    Stay, UserStore, UsernameRecoveryForm,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

const PASSWORD: &str = "Tres tristes 3";
const ANA: &str = "ana.pena@example.org";
const EVA: &str = "eva.paz@example.org";
const LUZ: &str = "luz.rey@example.org";

/// More rows than the example reads at once.
const MANY_EVENTS: usize = 1_234;

fn file(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("accounts.sqlite").display())
}

async fn store(url: &str) -> Arc<dyn UserStore> {
    if url.starts_with("sqlite:") {
        Arc::new(SqliteStore::connect(url).await.expect("the file opens"))
    } else {
        Arc::new(PostgresStore::connect(url).await.expect("the server is there"))
    }
}

/// A portal on one of the stores.
struct Portal {
    acceso: Acceso,
    courier: Courier,
    mailer: Arc<MemoryMailer>,
    client: Client,
}

impl Portal {
    async fn on(url: &str, clock: &FakeClock) -> Self {
        let registry = MemoryRegistry::from_iter([ANA, EVA, LUZ].map(|email| Patient {
            id: format!("pac-{}", &email[..3]).parse().expect("an id"),
            email: email.parse().expect("an address"),
            full_name: "Paciente".into(),
            portal_access: true,
        }));
        let mailer = Arc::new(MemoryMailer::new());
        let (acceso, courier) = Acceso::builder(store(url).await, registry, Arc::clone(&mailer))
            .portal("Clínica del Sol", "https://portal.example")
            .policy(cheap_hashing(Policy::portal()))
            .clock(clock.clone())
            .build()
            .expect("a safe policy");
        Self { acceso, courier, mailer, client: Client::unknown().with_device("Firefox en Ñandú") }
    }

    async fn mails(&mut self) -> Vec<Mail> {
        while self.courier.deliver_due().await.expect("the store is there").claimed > 0 {}
        self.mailer.take()
    }

    /// The token of the one mail that comes now.
    async fn link(&mut self) -> String {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1);
        let (_, after) = mails[0].text().split_once("?token=").expect("a link");
        after.split_whitespace().next().expect("a token").to_owned()
    }

    async fn register(&self, email: &str, username: &str) {
        let form = RegistrationForm {
            email: email.into(),
            username: username.into(),
            password: PASSWORD.into(),
            repeated: PASSWORD.into(),
            full_name: "María Ñandú".into(),
        };
        let answer = self.acceso.register(form, &self.client).await.expect("the store is there");
        assert!(matches!(answer, Registering::Accepted(_)));
    }

    async fn confirm(&self, token: &str, username: &str) -> Confirmation {
        let (username, password) = (username.into(), PASSWORD.into());
        let form = ConfirmationForm { token: token.into(), username, password, reference: None };
        self.acceso.confirm(form, &self.client).await.expect("the store is there")
    }

    async fn user(&mut self, email: &str, username: &str) {
        self.register(email, username).await;
        let token = self.link().await;
        assert_eq!(self.confirm(&token, username).await, Confirmation::Confirmed);
        self.mails().await;
    }

    async fn login(&self, username: &str, password: &str, stay: Stay) -> Login {
        let form = LoginForm::new(username, password);
        self.acceso.login(form, stay, &self.client).await.expect("the store is there")
    }

    async fn recovery_link(&mut self, email: &str, username: &str) -> String {
        let form = PasswordRecoveryForm { email: email.into(), username: username.into() };
        let answer = self.acceso.recover_password(form, &self.client).await.expect("the store is there");
        assert_eq!(answer, RecoveryRequest::Accepted);
        self.link().await
    }
}

/// What people hold in their hands when the portal moves.
struct InHand {
    session: SessionToken,
    remembered: SessionToken,
    link_to_confirm: String,
    link_to_recover: String,
}

/// Ana is signed in and has asked for a new password, Luz is locked out and not yet told, Eva has not yet confirmed.
async fn lives_begin(portal: &mut Portal) -> InHand {
    portal.user(ANA, "anapena").await;
    portal.user(LUZ, "luzrey").await;
    let Login::SignedIn(SignedIn { token: session, .. }) = portal.login("anapena", PASSWORD, Stay::Session).await
    else {
        panic!("not signed in")
    };
    let Login::SignedIn(SignedIn { token: remembered, .. }) = portal.login("anapena", PASSWORD, Stay::SignedIn).await
    else {
        panic!("not signed in")
    };
    portal.register(EVA, "evapaz").await;
    let link_to_confirm = portal.link().await;
    let link_to_recover = portal.recovery_link(ANA, "anapena").await;
    for _ in 0..portal.acceso.policy().lockout.threshold {
        assert!(matches!(portal.login("luzrey", "Equivocada 1", Stay::Session).await, Login::Rejected));
    }
    let form = UsernameRecoveryForm { email: LUZ.into() };
    let answer = portal.acceso.recover_username(form, &portal.client).await.expect("the store is there");
    assert_eq!(answer, RecoveryRequest::Accepted);
    InHand { session, remembered, link_to_confirm, link_to_recover }
}

async fn lives_go_on(portal: &mut Portal, in_hand: &InHand) {
    for token in [&in_hand.session, &in_hand.remembered] {
        let visitor = portal.acceso.session(token).await.expect("the store is there").expect("still signed in");
        assert_eq!(visitor.user().username().as_str(), "anapena");
    }
    assert!(matches!(portal.login("anapena", PASSWORD, Stay::Session).await, Login::SignedIn(_)));
    assert!(matches!(portal.login("luzrey", PASSWORD, Stay::Session).await, Login::Rejected), "still locked out");
    let waiting: Vec<MailPurpose> = portal.mails().await.iter().map(Mail::purpose).collect();
    assert!(waiting.contains(&MailPurpose::UserLocked) && waiting.contains(&MailPurpose::UserNames), "{waiting:?}");
    assert_eq!(waiting.len(), 2);
    assert_eq!(portal.confirm(&in_hand.link_to_confirm, "evapaz").await, Confirmation::Confirmed);
    assert!(matches!(portal.login("evapaz", PASSWORD, Stay::Session).await, Login::SignedIn(_)));
    let recovering = portal.acceso.confirm_recovery(&in_hand.link_to_recover, &portal.client).await;
    assert_eq!(recovering.expect("the store is there"), RecoveryConfirmation::Accepted);
    let left = portal.acceso.session(&in_hand.session).await.expect("the store is there");
    assert!(left.is_none(), "recovery ends every session");
}

/// Runs a statement that both databases understand, by a connection of its own, and gives the first column.
async fn run_sql(url: &str, sql: &str) -> Vec<String> {
    if url.starts_with("sqlite:") {
        let mut db = SqliteConnection::connect(url).await.expect("the file opens");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut db).await.expect("it runs")
    } else {
        let mut db = PgConnection::connect(url).await.expect("the server is there");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut db).await.expect("it runs")
    }
}

/// Every row of a table as text, by the columns that the database in `PostgreSQL` has.
async fn dump(url: &str, table: &str, columns: &[(String, String)]) -> Vec<String> {
    let in_sqlite = url.starts_with("sqlite:");
    let text = |(name, kind): &(String, String)| {
        let text = match kind.as_str() {
            "bytea" if in_sqlite => format!("case when {name} is not null then lower(hex({name})) end"),
            "bytea" => format!("encode({name}, 'hex')"),
            "boolean" => format!("cast(cast({name} as integer) as text)"),
            _ => format!("cast({name} as text)"),
        };
        format!("'{name}=' || coalesce({text}, 'null')")
    };
    let row = columns.iter().map(text).collect::<Vec<_>>().join(" || ' ' || ");
    let mut rows = run_sql(url, &format!("select {row} from {table}")).await;
    rows.sort();
    rows
}

async fn assert_equal(one: &str, other: &str) {
    let postgres = if one.starts_with("sqlite:") { other } else { one };
    let tables = run_sql(postgres, "select tablename::text from pg_tables where tablename like 'acceso%'").await;
    for table in tables.iter().filter(|table| !["acceso_migrations", "acceso_claims"].contains(&table.as_str())) {
        let sql = format!(
            "select column_name || ' ' || data_type from information_schema.columns where table_name = '{table}'"
        );
        let columns = run_sql(postgres, &sql).await;
        let columns: Vec<(String, String)> = columns
            .iter()
            .filter_map(|column| column.split_once(' '))
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect();
        let (rows, others) = (dump(one, table, &columns).await, dump(other, table, &columns).await);
        assert!(!rows.is_empty(), "{table} is not tried");
        assert!(rows == others, "{table} differs");
    }
}

/// What makes the numbers of events more than a count: many, and the last ones gone.
async fn number_events(url: &str) {
    let many = format!(
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < {MANY_EVENTS}) \
         insert into acceso_events (at, kind) select i, 'login_rejected' from n"
    );
    run_sql(url, &many).await;
    run_sql(url, "delete from acceso_events where number >= (select max(number) - 9 from acceso_events)").await;
}

async fn move_lives(from: &str, to: &str) {
    let clock = FakeClock::default();
    let mut before = Portal::on(from, &clock).await;
    let in_hand = lives_begin(&mut before).await;
    before.acceso.shutdown().await;
    number_events(from).await;
    let last: u64 =
        run_sql(from, "select cast(max(number) as text) from acceso_events").await[0].parse().expect("a number");

    let copied = copy_store::copy(from, to).await.expect("it is copied");
    assert_eq!(copied.len(), 6);
    assert!(copied.contains(&("acceso_users", 2)) && copied.contains(&("acceso_registrations", 1)));
    assert_equal(from, to).await;

    let mut after = Portal::on(to, &clock).await;
    lives_go_on(&mut after, &in_hand).await;
    let sql = format!("select cast(min(number) as text) from acceso_events where number > {last}");
    let first: u64 = run_sql(to, &sql).await[0].parse().expect("a number");
    assert_eq!(first, last + 11, "numbers of events that are gone are not used again");
    after.register(EVA, "evapaz2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lives_begun_in_a_file_go_on_in_postgresql() {
    if server::postgres_or_skip("lives_begun_in_a_file_go_on_in_postgresql") {
        let folder = tempfile::tempdir().expect("a folder");
        move_lives(&file(&folder), &server::shared().database()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lives_begun_in_postgresql_go_on_in_a_file() {
    if server::postgres_or_skip("lives_begun_in_postgresql_go_on_in_a_file") {
        let folder = tempfile::tempdir().expect("a folder");
        move_lives(&server::shared().database(), &file(&folder)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_while_the_portal_runs_is_a_store_that_forgets_what_lived() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = FakeClock::default();
    let mut portal = Portal::on(&file(&folder), &clock).await;
    let in_hand = lives_begin(&mut portal).await;
    let backup = folder.path().join("backup.sqlite").display().to_string();
    run_sql(&file(&folder), &format!("vacuum into '{backup}'")).await;

    let mut restored = Portal::on(&format!("sqlite:{backup}"), &clock).await;
    let session = restored.acceso.session(&in_hand.session).await.expect("the store is there");
    assert!(session.is_some(), "the backup has everything");
    restored.acceso.after_restore(&restored.client).await.expect("the store is there");
    let session = restored.acceso.session(&in_hand.session).await.expect("the store is there");
    assert!(session.is_none());
    assert!(restored.mails().await.is_empty());
    assert_eq!(restored.confirm(&in_hand.link_to_confirm, "evapaz").await, Confirmation::LinkInvalid);
    assert!(matches!(restored.login("anapena", PASSWORD, Stay::Session).await, Login::SignedIn(_)));
    assert!(matches!(restored.login("luzrey", PASSWORD, Stay::Session).await, Login::Rejected), "still locked out");
}

async fn refusal(from: &str, to: &str) -> String {
    copy_store::with_causes(&*copy_store::copy(from, to).await.expect_err("it is refused"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_empty_is_left_as_it_is() {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for folder in [&folder, &other] {
        let portal = Portal::on(&file(folder), &FakeClock::default()).await;
        assert!(matches!(portal.login("nadie", PASSWORD, Stay::Session).await, Login::Rejected));
    }
    let told = refusal(&file(&folder), &file(&other)).await;
    assert_eq!(told, "the new store has rows in acceso_events already");
    assert_eq!(run_sql(&file(&other), "select cast(count(*) as text) from acceso_events").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_in_the_middle_leaves_nothing() {
    if !server::postgres_or_skip("a_copy_that_fails_in_the_middle_leaves_nothing") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (file(&folder), server::shared().database());
    let mut portal = Portal::on(&from, &FakeClock::default()).await;
    portal.user(ANA, "anapena").await;
    run_sql(&from, "insert into acceso_events (at, kind) values (1, 'not' || char(0) || 'text')").await;
    assert!(refusal(&from, &to).await.contains("invalid byte sequence"));
    for table in ["acceso_users", "acceso_mailboxes", "acceso_events"] {
        assert_eq!(run_sql(&to, &format!("select cast(count(*) as text) from {table}")).await, ["0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_release_stops_the_copy() {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    drop(store(&file(&folder)).await);
    run_sql(&file(&folder), "alter table acceso_users add column telephone text").await;
    assert_eq!(refusal(&file(&folder), &file(&other)).await, "the tables are not those of this program's release");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_not_made_and_no_password_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = tempfile::tempdir().expect("a folder");
    assert!(refusal(&file(&folder), &file(&other)).await.contains("unable to open"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    for wrong in ["mysql://ana:secreto@127.0.0.1/portal", "postgres://ana:secreto@127.0.0.1:99999/portal"] {
        assert!(!refusal(wrong, &file(&other)).await.contains("secreto"));
    }
}
