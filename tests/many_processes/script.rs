//! What the tasks of a process do: at random, but where all processes have seen a link or a password, all at once. Not:
//! what must come of it.
//!
//! **Nobody keeps a thing to himself: each process uses links, passwords and sessions that others were given.**

use std::collections::HashMap;
use std::sync::Mutex;

use crate::log::{self, Answer, Asked, Call, MailLine, Reader};
use crate::ports::CLINIC;
use crate::worker::{Caller, Order};

/// Addresses in a round, one of them nobody's.
const ADDRESSES: u64 = 9;
const NOBODY: u64 = ADDRESSES - 1;

/// Names come up as the round goes on, so that there is always one to fight for.
const NAMES: f64 = 24.0;
const NAMES_AT_ONCE: u64 = 3;

/// Sessions and links that are still tried; older ones are forgotten.
const RECENT: usize = 6;

/// What has been seen of the files of all processes.
#[derive(Default)]
struct Seen {
    /// Address, token, and whether it is one of recovery.
    links: Vec<(String, String, bool)>,
    /// Address and temporary password.
    temporaries: Vec<(String, String)>,
    /// Names registered by address.
    names: HashMap<String, Vec<String>>,
    /// Name, address, and the last password known.
    users: Vec<(String, String, String)>,
    /// Name and token.
    sessions: Vec<(String, String)>,
}

pub struct News {
    readers: Mutex<Vec<(Reader, Reader)>>,
    seen: Mutex<Seen>,
}

impl News {
    pub fn of(order: &Order) -> Self {
        let reader = |kind, process| Reader::new(log::path(&order.folder, kind, process));
        let readers = (0..order.processes).map(|process| (reader("calls", process), reader("mails", process)));
        Self { readers: Mutex::new(readers.collect()), seen: Mutex::default() }
    }

    /// Reads on, unless another task is at it.
    pub fn read(&self) {
        let Ok(mut readers) = self.readers.try_lock() else { return };
        for (calls, mails) in readers.iter_mut() {
            let (calls, mails) = (calls.lines(), mails.lines());
            let mut seen = self.seen.lock().expect("what was seen");
            for call in calls {
                seen.call(call);
            }
            for mail in mails {
                seen.mail(mail);
            }
        }
    }
}

impl Seen {
    fn call(&mut self, call: Call) {
        let opened = call.answer.opened().map(str::to_owned);
        match (call.asked, &call.answer) {
            (Asked::Register { email, username, .. }, Answer::Accepted) => {
                let names = self.names.entry(email).or_default();
                names.retain(|name| *name != username);
                names.push(username);
            }
            (Asked::Confirm { token, username, password }, Answer::Confirmed) => {
                if let Some((email, ..)) = self.links.iter().find(|(_, link, _)| *link == token) {
                    self.users.push((username, email.clone(), password));
                }
            }
            (Asked::Login { username, .. }, _) => self.session(username, opened),
            (Asked::ChangePassword { token, new, .. }, Answer::Changed { .. }) => {
                let user = self.sessions.iter().rev().find(|(_, known)| *known == token).map(|(name, _)| name.clone());
                if let Some(username) = user {
                    if let Some(user) = self.users.iter_mut().find(|(name, ..)| *name == username) {
                        user.2 = new;
                    }
                    self.session(username, opened);
                }
            }
            _ => {}
        }
    }

    fn session(&mut self, username: String, token: Option<String>) {
        if let Some(token) = token {
            self.sessions.push((username, token));
        }
    }

    fn mail(&mut self, mail: MailLine) {
        let Some(secret) = mail.secret.filter(|_| mail.taken) else { return };
        if mail.purpose == "temporary_password" {
            self.temporaries.push((mail.to, secret));
        } else {
            self.links.push((mail.to, secret, mail.purpose == "confirm_recovery"));
        }
    }
}

/// One task's way through a round.
pub struct Script {
    state: u64,
    links: usize,
    temporaries: usize,
}

fn email(number: u64) -> String {
    if number == NOBODY { "nadie@example.org".to_owned() } else { format!("buzon{number}{CLINIC}") }
}

/// The password under which an address registers a name: known to all.
fn first_password(email: &str, username: &str) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    format!("Tres tristes {}{}", digits(email), digits(username))
}

impl Script {
    pub fn new(order: &Order, task: u64) -> Self {
        let state = order.seed.wrapping_mul(1_000_003) ^ u64::from(order.process) << 20 ^ task << 40;
        Self { state, links: 0, temporaries: 0 }
    }

    /// `SplitMix64`: the same calls of the same seed, as far as the others let it.
    fn random(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let length = u64::try_from(from.len()).expect("a length");
        (length > 0).then(|| from[usize::try_from(self.random(length)).expect("an index")].clone())
    }

    fn recent<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        self.pick(&from[from.len().saturating_sub(RECENT)..])
    }

    pub async fn act(&mut self, news: &News, caller: &Caller) {
        let (link, temporary) = {
            let seen = news.seen.lock().expect("what was seen");
            (seen.links.get(self.links).cloned(), seen.temporaries.get(self.temporaries).cloned())
        };
        if let Some((email, password)) = temporary {
            self.temporaries += 1;
            self.log_in_temporarily(&email, &password, news, caller).await;
        } else if let Some(link) = link {
            self.links += 1;
            self.use_link(link, news, caller).await;
        } else {
            self.anything(news, caller).await;
        }
    }

    async fn use_link(&mut self, link: (String, String, bool), news: &News, caller: &Caller) {
        let (email, token, recovers) = link;
        if recovers {
            caller.call(Asked::ConfirmRecovery { token }).await;
            return;
        }
        let names = news.seen.lock().expect("what was seen").names.get(&email).cloned().unwrap_or_default();
        // Mostly the newest, as all others do.
        let username = if self.random(4) > 0 { names.last().cloned() } else { self.pick(&names) };
        if let Some(username) = username {
            let password = first_password(&email, &username);
            caller.call(Asked::Confirm { token, username, password }).await;
        }
    }

    /// A temporary password is tried for each user of the address, and then changed.
    async fn log_in_temporarily(&mut self, email: &str, password: &str, news: &News, caller: &Caller) {
        let mut users = news.seen.lock().expect("what was seen").users.clone();
        users.retain(|(_, of, _)| of == email);
        for (username, ..) in users {
            let asked = Asked::Login { username, password: password.to_owned(), replaces: None };
            if let Answer::MustChangePassword { token } = caller.call(asked).await {
                let new = self.new_password();
                caller.call(Asked::ChangePassword { token, current: String::new(), new }).await;
            }
        }
    }

    fn new_password(&mut self) -> String {
        format!("Cuatro gatos {}", self.random(1_000_000))
    }

    async fn anything(&mut self, news: &News, caller: &Caller) {
        let (users, sessions, links) = {
            let seen = news.seen.lock().expect("what was seen");
            (seen.users.clone(), seen.sessions.clone(), seen.links.clone())
        };
        let (user, session) = (self.pick(&users), self.recent(&sessions));
        match (self.random(100), user, session) {
            (0..24, Some(user), session) => self.log_in(user, session, caller).await,
            (24..36, Some((username, ..)), _) => {
                let password = format!("Equivocada {}", self.random(10));
                caller.call(Asked::Login { username, password, replaces: None }).await;
            }
            (36..50, _, Some((username, token))) => self.change(&users, &username, token, caller).await,
            (50..56, _, Some((_, token))) => drop(caller.call(Asked::LogOut { token }).await),
            (56..58, _, Some((_, token))) => drop(caller.call(Asked::LogOutEverywhere { token }).await),
            (58..61, _, Some((_, token))) => drop(caller.call(Asked::CloseOtherSessions { token }).await),
            (61..76, _, Some((_, token))) => drop(caller.call(Asked::Session { token }).await),
            (76..82, Some((username, email, _)), _) => self.recover(email, username, caller).await,
            (82..86, ..) if !links.is_empty() => {
                if let Some(link) = self.recent(&links) {
                    self.use_link(link, news, caller).await;
                }
            }
            _ => self.register(caller).await,
        }
    }

    async fn register(&mut self, caller: &Caller) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let first = (caller.progress() * NAMES) as u64;
        let username = format!("vecino{}", first + self.random(NAMES_AT_ONCE));
        let email = email(self.random(ADDRESSES));
        let password = first_password(&email, &username);
        caller.call(Asked::Register { email, username, password }).await;
    }

    /// Whoever is kept out with the password that he thinks is right asks for another, mostly.
    async fn log_in(&mut self, user: (String, String, String), session: Option<(String, String)>, caller: &Caller) {
        let (username, email, password) = user;
        let replaces = session.filter(|_| self.random(5) == 0).map(|(_, token)| token);
        let asked = Asked::Login { username: username.clone(), password, replaces };
        if caller.call(asked).await == Answer::Rejected && self.random(2) == 0 {
            self.recover(email, username, caller).await;
        }
    }

    async fn recover(&mut self, email: String, username: String, caller: &Caller) {
        caller.call(Asked::RecoverPassword { email, username }).await;
    }

    async fn change(&mut self, users: &[(String, String, String)], username: &str, token: String, caller: &Caller) {
        let known = users.iter().find(|(name, ..)| name == username).map(|(.., password)| password.clone());
        let wrong = self.random(4) == 0;
        let current = known.filter(|_| !wrong).unwrap_or_else(|| "Equivocada 1".to_owned());
        let new = self.new_password();
        caller.call(Asked::ChangePassword { token, current, new }).await;
    }
}
