//! Two calls at once, in every order of their turns. Not: the many others, which the games draw at random.
//!
//! **What came of both could have come of them one after the other.**

use acceso::{MailPurpose, Policy};

use crate::call::{Answer, Call};
use crate::cast::ANA;
use crate::check::at_once;
use crate::common;
use crate::ports::Seen;
use crate::world::World;

const NAME: &str = "anapena";
const PASSWORD: &str = "Tigres tristes 1";

/// Every order in which two calls can take their first nine turns.
fn orders() -> impl Iterator<Item = Vec<u8>> {
    (0..1_u16 << 9).map(|order| (0..9).map(|turn| u8::from(order & 1 << turn != 0)).collect())
}

/// A world in which Ana has registered and has the mail: the call that confirms.
fn registered() -> (World, Call) {
    let mut world = World::new(Policy::portal(), 7);
    world.ports.control().records = vec![common::patient("pac-1", ANA)];
    let (email, name, password) = (ANA.to_owned(), NAME.to_owned(), PASSWORD.to_owned());
    world.call(&Call::Register { email, name: name.clone(), password: password.clone() }, None);
    let mailed = world.round(&[], None).seen.into_iter().find_map(|seen| match seen {
        Seen::Mailed { mail, .. } if mail.purpose() == MailPurpose::ConfirmRegistration => Some(mail),
        _ => None,
    });
    let token = common::token(&mailed.expect("a mail"));
    (world, Call::Confirm { token, name, password, reference: None })
}

fn login(replaces: Option<String>) -> Call {
    Call::Login { name: NAME.into(), password: PASSWORD.into(), stay: false, replaces }
}

#[test]
fn of_two_clicks_one_confirms_and_the_other_finds_the_link_used() {
    for turns in orders() {
        let (world, click) = registered();
        let outcomes = world.together(&[click.clone(), click], &turns);
        let told = |answer: Answer| outcomes.iter().filter(|outcome| outcome.answer.as_ref() == Some(&answer)).count();
        assert_eq!((told(Answer::Confirmed), told(Answer::LinkInvalid)), (1, 1), "{turns:?}: {outcomes:?}");
    }
}

#[test]
fn no_wrong_password_counts_in_a_session_that_a_login_has_ended() {
    for turns in orders() {
        let (world, click) = registered();
        world.call(&click, None);
        let session = world.call(&login(None), None).fruit.session.expect("she is in");
        let wrong = Call::Change {
            session: session.clone(),
            current: "Tigres alegres 2".into(),
            new: "Tigres alegres 3".into(),
        };
        let outcomes = world.together(&[login(Some(session)), wrong], &turns);
        assert!(matches!(outcomes[0].answer, Some(Answer::SignedIn { .. })), "{turns:?}: {outcomes:?}");
        // Either the strike came first and the login has forgotten it, or there was no session to try it in.
        let name = NAME.parse().expect("a user name");
        let user = at_once(acceso::UserStore::user_named(&world.ports.store, &name)).expect("she is there");
        let document = serde_json::to_value(acceso::Stored(&user)).expect("a document");
        let strikes = &document["credential"]["chosen"]["strikes"];
        assert_eq!(strikes, 0, "{turns:?}: {outcomes:?}");
    }
}
