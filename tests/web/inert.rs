//! Requests that only look.

use std::collections::BTreeMap;
use std::path::Path;

use acceso::adapter::sqlite::SqliteStore;
use acceso::{Login, MailPurpose, Policy};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use sqlx::{AssertSqlSafe, SqlitePool};

use crate::browser::{JSON, SESSION, app, encoded, request, send};
use crate::common::{ANA, PASSWORD, Portal, token};
use crate::forms::{FORMS, ROUTES, with};
use crate::spy::Watched;

const PAGES: &[&str] = &[
    "/login",
    "/registration",
    "/confirmation",
    "/username-recovery",
    "/password-recovery",
    "/password-recovery/confirmation",
    "/password-change",
    "/sessions",
    "/contact",
    "/logout",
    "/language",
    "/sessions/close",
    "/sessions/close-others",
    "/assets/portal.css",
    "/",
    "/results",
];

#[tokio::test]
async fn opening_any_page_writes_nothing_and_uses_up_no_link() {
    let mut watched = Watched::with(Policy::portal());
    let portal = &mut watched.portal;
    portal.user(ANA, "anapena", PASSWORD).await;
    portal.registered(ANA, "tomas.pena", PASSWORD).await;
    let confirmation = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let recovery = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    let session = portal.signed_in("anapena", PASSWORD).await;
    let app = app(portal);
    watched.spy.take_calls();
    for method in ["GET", "HEAD", "OPTIONS"] {
        for page in PAGES {
            for link in [&confirmation, &recovery] {
                for accept in ["text/html", "application/json"] {
                    let request = Request::builder()
                        .method(method)
                        .uri(format!("{page}?token={link}&username=tomas.pena&password=Tres+tristes+3"))
                        .header("accept", accept)
                        .header("cookie", format!("__Host-acceso={}", session.token.reveal()))
                        .body(Body::empty())
                        .expect("a request");
                    assert!(!send(&app, request).await.status.is_server_error(), "{method} {page}");
                }
            }
        }
    }
    assert_eq!(watched.spy.count("commit"), 0);
    assert!(watched.spy.take_calls().iter().all(|call| call.starts_with("session")), "looks up who is signed in, only");
    assert!(portal.mails().await.is_empty());
    assert!(portal.is_signed_in(&session.token).await);
    assert_eq!(portal.confirm(&confirmation, "tomas.pena", PASSWORD).await, acceso::Confirmation::Confirmed);
    assert_eq!(portal.confirm_recovery(&recovery).await, acceso::RecoveryConfirmation::Accepted);
}

/// Every table, each row as SQL writes its values.
async fn tables(file: &Path) -> BTreeMap<String, Vec<String>> {
    let pool = SqlitePool::connect(&format!("sqlite:{}", file.display())).await.expect("the file opens");
    let names = sqlx::query_scalar("select name from sqlite_schema where type = 'table' order by name");
    let names: Vec<String> = names.fetch_all(&pool).await.expect("a schema");
    let mut tables = BTreeMap::new();
    for name in names {
        let columns = sqlx::query_scalar("select 'quote(\"' || name || '\")' from pragma_table_info(?)").bind(&name);
        let columns: Vec<String> = columns.fetch_all(&pool).await.expect("a table");
        let rows = AssertSqlSafe(format!("select {} from \"{name}\" order by 1", columns.join(" || ', ' || ")));
        tables.insert(name, sqlx::query_scalar(rows).fetch_all(&pool).await.expect("rows"));
    }
    pool.close().await;
    tables
}

/// The file and the log of what is not in it yet.
fn bytes(file: &Path) -> [Vec<u8>; 2] {
    let log = file.with_extension("sqlite-wal");
    [file, &log].map(|path| std::fs::read(path).unwrap_or_default())
}

/// Opens every route with every kind of link and visitor, and a form's fields in the address.
async fn look_at_everything(app: &Router, links: &[String], cookies: &[String]) {
    let paths = ROUTES.iter().map(|(path, _)| *path).chain(["/", "/results", "/assets/portal.css"]);
    for path in paths {
        let (_, fields) = FORMS.iter().find(|(form, _)| *form == path).copied().unwrap_or((path, &[]));
        for method in ["GET", "HEAD", "OPTIONS"] {
            for (link, cookie) in links.iter().flat_map(|link| cookies.iter().map(move |cookie| (link, cookie))) {
                for accept in ["text/html", JSON] {
                    let query = encoded(&with(fields, "token", link));
                    let headers = [("accept", accept), ("cookie", cookie), ("x-purpose", "prefetch")];
                    let uri = format!("{path}?token={link}&{query}&session={link}");
                    for uri in [uri, format!("{path}?{query}"), format!("{path}?token={link}")] {
                        let answer = send(app, request(method, &uri, &headers, "")).await;
                        assert!(!answer.status.is_server_error(), "{method} {uri}");
                    }
                }
            }
        }
    }
}

/// Good under both policies.
const LONG_PASSWORD: &str = "Tres tristes tigres 3";

async fn assert_looking_changes_no_byte(policy: Policy) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("acceso.sqlite");
    let store = SqliteStore::connect(&format!("sqlite:{}", file.display())).await.expect("the file opens");
    let mut portal = Portal::over(store, policy);
    portal.user(ANA, "anapena", LONG_PASSWORD).await;
    portal.pass(600);
    portal.user(ANA, "tomas.pena", LONG_PASSWORD).await;
    let mails_a_password = matches!(portal.acceso.policy().recovery, acceso::Recovery::TemporaryPassword { .. });
    let mut cookies = vec![String::new()];
    let temporary = if mails_a_password { portal.temporary_password(ANA, "tomas.pena").await } else { String::new() };
    portal.pass(600);
    let reference = portal.registered(ANA, "luisa.pena", LONG_PASSWORD).await;
    let confirmation = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
    let _ = portal.recover_password(ANA, "anapena").await;
    let recovery = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
    if let Login::MustChangePassword(restricted) = portal.login("tomas.pena", &temporary).await {
        cookies.push(format!("{SESSION}={}", restricted.token.reveal()));
    }
    let session = portal.signed_in("anapena", LONG_PASSWORD).await.token;
    cookies.push(format!("{SESSION}={}; {SESSION}-registration={reference}", session.reveal()));
    assert_eq!(cookies.len(), if mails_a_password { 3 } else { 2 });

    let (before, bytes_before) = (tables(&file).await, bytes(&file));
    assert!(before["acceso_users"].len() == 2 && before["acceso_registrations"].len() == 1, "{before:#?}");
    let links = [confirmation.clone(), recovery.clone()];
    look_at_everything(&app(&portal), &links, &cookies).await;
    assert_eq!(tables(&file).await, before);
    assert!(bytes(&file) == bytes_before, "not a byte");

    // Later a session notes that it was used, and nothing else is noted.
    portal.pass(120);
    look_at_everything(&app(&portal), &links, &cookies).await;
    let mut after = tables(&file).await;
    let (then, now) = (before["acceso_sessions"].clone(), after.insert("acceso_sessions".into(), Vec::new()));
    assert_ne!(now, Some(then), "the test sees what is written");
    after.insert("acceso_sessions".into(), before["acceso_sessions"].clone());
    assert_eq!(after, before);

    assert_eq!(portal.confirm(&confirmation, "luisa.pena", LONG_PASSWORD).await, acceso::Confirmation::Confirmed);
    if mails_a_password {
        assert_eq!(portal.confirm_recovery(&recovery).await, acceso::RecoveryConfirmation::Accepted);
    }
}

#[tokio::test]
async fn looking_changes_no_byte_of_the_store_under_the_manuals_policy() {
    assert_looking_changes_no_byte(Policy::portal()).await;
}

#[tokio::test]
async fn looking_changes_no_byte_of_the_store_under_the_modern_policy() {
    assert_looking_changes_no_byte(Policy::modern()).await;
}

#[tokio::test]
async fn every_page_is_kept_by_no_cache_and_runs_nothing_of_its_own() {
    let portal = Portal::new();
    let app = app(&portal);
    for page in PAGES.iter().filter(|page| !matches!(**page, "/" | "/results")) {
        let request =
            Request::builder().uri(format!("{page}?token=x")).header("accept", "text/html").body(Body::empty());
        let answer = send(&app, request.expect("a request")).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{page}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"), "{page}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{page}");
        let linked = page.ends_with("confirmation");
        assert_eq!(answer.header("referrer-policy"), if linked { "no-referrer" } else { "same-origin" }, "{page}");
        for inline in ["style=", "<style", "onclick", "<script>", "javascript:"] {
            assert!(!answer.body.contains(inline), "{page} {inline}");
        }
    }
}

#[tokio::test]
async fn the_stylesheet_and_the_script_are_served_under_a_name_of_their_content() {
    let portal = Portal::new();
    let app = app(&portal);
    let ask = |path: String| Request::builder().uri(path).body(Body::empty()).expect("a request");
    let page = send(&app, ask("/login".into())).await.body;
    for (before, media) in [("rel=\"stylesheet\" href=\"", "text/css"), ("<script src=\"", "text/javascript")] {
        let (_, rest) = page.split_once(before).expect("a file");
        let file = send(&app, ask(rest.split('"').next().expect("its name").to_owned())).await;
        assert_eq!(file.status, StatusCode::OK);
        assert!(file.header("content-type").starts_with(media));
        assert!(file.header("cache-control").contains("immutable"));
    }
}
