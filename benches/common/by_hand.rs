//! The same work by hand, as somebody would write it who needs nothing else: what the crate is measured against.
//!
//! **Nothing here bounds or refuses anything.**

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use acceso::{HashCost, UserId};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// One Argon2id hash at the present cost.
pub(crate) struct ByHand {
    argon2: Argon2<'static>,
    blocks: Vec<Block>,
}

const PASSWORD: &[u8] = b"Tres tristes 3";
const SALT: &[u8; 16] = b"somesaltsomesalt";

fn params() -> Params {
    let cost = HashCost::OWASP;
    Params::new(cost.memory_kib(), cost.passes(), 1, Some(32)).expect("within bounds")
}

impl ByHand {
    pub(crate) fn new() -> Self {
        let params = params();
        let blocks = vec![Block::new(); params.block_count()];
        Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), blocks }
    }

    /// In memory that is kept for the next one.
    pub(crate) fn in_kept_memory(&mut self) {
        let mut tag = [0; 32];
        self.argon2
            .hash_password_into_with_memory(black_box(PASSWORD), SALT, &mut tag, &mut self.blocks)
            .expect("enough memory");
        black_box(tag);
    }

    /// In memory that is kept, and wiped.
    pub(crate) fn in_kept_memory_and_wiped(&mut self) {
        self.in_kept_memory();
        self.blocks.iter_mut().zeroize();
    }

    /// In memory of its own.
    pub(crate) fn in_new_memory() {
        let mut tag = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params())
            .hash_password_into(black_box(PASSWORD), SALT, &mut tag)
            .expect("enough memory");
        black_box(tag);
    }
}

/// One thread with the memory of one hash, which hashes when it is asked to.
pub(crate) struct OnThread {
    ask: Sender<bool>,
    done: Receiver<()>,
}

impl OnThread {
    pub(crate) fn new() -> Self {
        let ((ask, asked), (finished, done)) = (channel(), channel());
        thread::spawn(move || {
            let mut by_hand = ByHand::new();
            while let Ok(wiped) = asked.recv() {
                if wiped {
                    by_hand.in_kept_memory_and_wiped();
                } else {
                    by_hand.in_kept_memory();
                }
                finished.send(()).expect("somebody waits");
            }
        });
        Self { ask, done }
    }

    pub(crate) fn hash(&self, wiped: bool) {
        self.begin(wiped);
        self.wait();
    }

    pub(crate) fn begin(&self, wiped: bool) {
        self.ask.send(wiped).expect("the thread is there");
    }

    pub(crate) fn wait(&self) {
        self.done.recv().expect("the thread is there");
    }
}

/// What a session is kept as: whose it is, and three instants.
type Kept = (UserId, [i64; 3]);

/// Sessions and users in two maps: a token is parsed and digested, and each map is asked once.
#[derive(Default)]
pub(crate) struct Sessions<U> {
    sessions: HashMap<[u8; 32], Kept>,
    users: HashMap<UserId, Arc<U>>,
}

impl<U> Sessions<U> {
    pub(crate) fn new() -> Self {
        Self { sessions: HashMap::new(), users: HashMap::new() }
    }

    pub(crate) fn insert(&mut self, token: &str, user: UserId, record: &Arc<U>) {
        let digest = digest(token).expect("a token");
        self.sessions.insert(digest, (user, [0; 3]));
        self.users.entry(user).or_insert_with(|| Arc::clone(record));
    }

    pub(crate) fn check(&self, token: &str) -> Option<(Kept, Arc<U>)> {
        let kept = self.sessions.get(&digest(token)?)?;
        Some((*kept, Arc::clone(self.users.get(&kept.0)?)))
    }
}

fn digest(token: &str) -> Option<[u8; 32]> {
    let mut secret = [0; 32];
    let read = Base64UrlUnpadded::decode(token, &mut secret).ok()?.len();
    (read == secret.len()).then(|| Sha256::digest(secret).into())
}
