//! The person presses the button of the link's page twice. Not: two people.
//!
//! **One click confirms, and the other is told that the link is used, however the two meet.**

use acceso::{MailPurpose, Policy};

use crate::call::{Answer, Call};
use crate::cast::ANA;
use crate::common;
use crate::ports::Seen;
use crate::world::World;

#[test]
fn of_two_clicks_one_confirms_and_the_other_finds_the_link_used() {
    // Every order in which two calls can take their first nine turns.
    for order in 0..1_u16 << 9 {
        let mut world = World::new(Policy::portal(), 7);
        world.ports.control().records = vec![common::patient("pac-1", ANA)];
        let (name, password) = ("anapena".to_owned(), "Tigres tristes 1".to_owned());
        let email = ANA.to_owned();
        world.call(&Call::Register { email, name: name.clone(), password: password.clone() }, None);
        let mailed = world.round(&[], None).seen.into_iter().find_map(|seen| match seen {
            Seen::Mailed { mail, .. } if mail.purpose() == MailPurpose::ConfirmRegistration => Some(mail),
            _ => None,
        });
        let token = common::token(&mailed.expect("a mail"));
        let click = Call::Confirm { token, name, password, reference: None };
        let turns: Vec<u8> = (0..9).map(|turn| u8::from(order & 1 << turn != 0)).collect();
        let outcomes = world.together(&[click.clone(), click], &turns);
        let told = |answer: Answer| outcomes.iter().filter(|outcome| outcome.answer.as_ref() == Some(&answer)).count();
        assert_eq!((told(Answer::Confirmed), told(Answer::LinkInvalid)), (1, 1), "{turns:?}: {outcomes:?}");
    }
}
