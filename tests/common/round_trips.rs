//! How often a call asks the database, statement by statement. Not: how the database finds the rows.
//!
//! **Whoever is asked about, a form that strangers can send asks as often.**

use acceso::SessionToken;

use crate::common::{ANA, NOBODY, PASSWORD};
use crate::deployment::Deployment;
use crate::stand::Stand;
use crate::statements::Listening;
use crate::{Db, Store, can_run};

/// What was asked outside a transaction and in one, by its first words.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    reads: usize,
    writes: Vec<String>,
}

/// Portal and ear; Ana is a user, Bea is locked.
struct Scene {
    portal: Deployment<Store>,
    listening: Listening<Db>,
    _stand: Stand,
}

const BEA: &str = "bea.sosa@example.org";

impl Scene {
    async fn new() -> Self {
        let stand = Stand::new().await;
        let listening = Listening::to(stand.noted_pool()).await;
        let store = Store::from_pool(listening.pool().clone()).await.expect("the tables are there");
        let mut portal = Deployment::over(store);
        portal.registry.insert(crate::common::patient("pac-0002", BEA));
        portal.user(ANA, "anapena", PASSWORD).await;
        portal.user(BEA, "beasosa", PASSWORD).await;
        portal.lock("beasosa").await;
        portal.mails().await;
        listening.take().await;
        Self { portal, listening, _stand: stand }
    }

    /// What was asked since the last time.
    async fn asked(&self) -> Asked {
        let mut said = self.listening.take().await;
        // Waiting mail is counted once a second, by whoever comes first.
        said.retain(|sql| !sql.starts_with("select (select count(*) from acceso_mail"));
        // One database notes the ends of a transaction, the other does not.
        let ends = |sql: &&String| sql.starts_with("begin") || *sql == "commit";
        let (reads, writes): (Vec<_>, Vec<_>) =
            said.iter().filter(|sql| !ends(sql)).partition(|sql| sql.starts_with("select"));
        let begun = said.iter().filter(ends).count();
        assert!(begun == 0 || begun == 2, "more than one transaction: {said:#?}");
        let words = |sql: &String| sql.split([' ', '(']).take(3).collect::<Vec<_>>().join(" ");
        Asked { reads: reads.len(), writes: writes.into_iter().map(words).collect() }
    }
}

fn asked(reads: usize, writes: &[&str]) -> Asked {
    Asked { reads, writes: writes.iter().map(ToString::to_string).collect() }
}

#[tokio::test]
async fn a_session_check_is_one_query() {
    if !can_run("a_session_check_is_one_query") {
        return;
    }
    let scene = Scene::new().await;
    let opened = scene.portal.signed_in("anapena", PASSWORD).await.token;
    let closed = scene.portal.signed_in("anapena", PASSWORD).await.token;
    scene.portal.acceso.log_out(&closed, &scene.portal.client).await.expect("the store is there");
    scene.listening.take().await;
    let unknown = SessionToken::parse(&"A".repeat(43)).expect("the form of one");
    for (token, is_open) in [(opened, true), (closed, false), (unknown, false)] {
        assert_eq!(scene.portal.is_signed_in(&token).await, is_open);
        assert_eq!(scene.asked().await, asked(1, &[]));
    }
}

#[tokio::test]
async fn a_login_is_one_read_and_one_transaction() {
    if !can_run("a_login_is_one_read_and_one_transaction") {
        return;
    }
    let scene = Scene::new().await;
    scene.portal.signed_in("anapena", PASSWORD).await;
    let expected = [
        "update acceso_users set",
        "insert into acceso_sessions",
        "delete from acceso_sessions",
        "insert into acceso_events",
    ];
    assert_eq!(scene.asked().await, asked(1, &expected));
}

#[tokio::test]
async fn a_login_of_an_unknown_name_asks_as_often_as_one_of_a_locked_user() {
    if !can_run("a_login_of_an_unknown_name_asks_as_often_as_one_of_a_locked_user") {
        return;
    }
    let scene = Scene::new().await;
    for name in ["nadie", "beasosa"] {
        assert!(matches!(scene.portal.login(name, PASSWORD).await, Ok(acceso::Login::Rejected)));
        assert_eq!(scene.asked().await, asked(1, &["insert into acceso_events"]), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_password_writes_its_strike_and_nothing_more() {
    if !can_run("a_wrong_password_writes_its_strike_and_nothing_more") {
        return;
    }
    let scene = Scene::new().await;
    assert!(matches!(scene.portal.login("anapena", "Equivocada 1").await, Ok(acceso::Login::Rejected)));
    assert_eq!(scene.asked().await, asked(1, &["update acceso_users set", "insert into acceso_events"]));
}

#[tokio::test]
async fn a_registration_asks_as_often_whoever_has_the_address() {
    if !can_run("a_registration_asks_as_often_whoever_has_the_address") {
        return;
    }
    let scene = Scene::new().await;
    for (email, name) in [(ANA, "otra"), (BEA, "otra"), (NOBODY, "nadie"), (NOBODY, "otra")] {
        scene.portal.register(email, name, PASSWORD).await;
        let expected = ["insert into acceso_registrations", "insert into acceso_mail", "insert into acceso_events"];
        // The name is looked up: that one is taken is told.
        assert_eq!(scene.asked().await, asked(1, &expected), "{email} {name}");
    }
}

#[tokio::test]
async fn a_recovery_asks_as_often_whoever_is_asked_about() {
    if !can_run("a_recovery_asks_as_often_whoever_is_asked_about") {
        return;
    }
    let scene = Scene::new().await;
    let expected = ["insert into acceso_mail", "insert into acceso_events"];
    for email in [ANA, BEA, NOBODY] {
        scene.portal.recover_username(email).await;
        assert_eq!(scene.asked().await, asked(0, &expected), "{email}");
    }
    for (email, name) in [(ANA, "anapena"), (BEA, "beasosa"), (NOBODY, "nadie"), (NOBODY, "anapena"), (ANA, "nadie")] {
        scene.portal.recover_password(email, name).await;
        assert_eq!(scene.asked().await, asked(0, &expected), "{email} {name}");
    }
}

#[tokio::test]
async fn an_idle_courier_only_reads() {
    if !can_run("an_idle_courier_only_reads") {
        return;
    }
    let mut scene = Scene::new().await;
    scene.portal.mails().await;
    scene.listening.take().await;
    scene.portal.mails().await;
    assert_eq!(scene.asked().await, asked(1, &[]));
}
