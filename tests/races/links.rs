//! A link is good once, however many press its button at one instant.

use acceso::{
    Confirmation, ConfirmationForm, EventKind, MailPurpose, PasswordChoice, PasswordChoiceForm, Policy,
    RecoveryConfirmation, RecoveryRequest, UserStore,
};

use crate::common::{ANA, NEW_PASSWORD, PASSWORD, Portal, patient, temporary, token};
use crate::crowd::{NAME, at_once, event_kinds, overtaken, portal, user};
use crate::store::Store;

const RACERS: usize = 50;
const BEATRIZ: &str = "beatriz@example.org";

async fn confirming(portal: &Portal<Store>, forms: Vec<ConfirmationForm>) -> Vec<Confirmation> {
    let calls = forms.into_iter().map(|form| {
        let (acceso, client) = (portal.acceso.clone(), portal.client.clone());
        async move { acceso.confirm(form, &client).await.expect("the store is there") }
    });
    at_once(calls).await
}

fn form(token: &str, username: &str, password: &str) -> ConfirmationForm {
    ConfirmationForm { token: token.into(), username: username.into(), password: password.into(), reference: None }
}

fn count<T: PartialEq>(answers: &[T], wanted: &T) -> usize {
    answers.iter().filter(|answer| *answer == wanted).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_that_confirm_one_registration_one_does() {
    for _ in 0..8 {
        let mut portal = portal(Policy::portal()).await;
        portal.registered(ANA, NAME, PASSWORD).await;
        let token = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
        let answers = confirming(&portal, (0..RACERS).map(|_| form(&token, NAME, PASSWORD)).collect()).await;
        assert_eq!(count(&answers, &Confirmation::Confirmed), 1);
        assert_eq!(count(&answers, &Confirmation::LinkInvalid), RACERS - 1);
        portal.mail(MailPurpose::RegistrationConfirmed).await;
        let users = portal.store.users_with_email(&ANA.parse().expect("an address")).await.expect("the store is there");
        assert_eq!(users.len(), 1);
        portal.signed_in(NAME, PASSWORD).await;
    }
}

/// A button pressed twice: wherever the first press overtakes the second, the person is not told of a wrong name or one
/// that is taken.
#[tokio::test]
async fn a_confirmation_overtaken_by_its_twin_is_told_that_the_link_is_used() {
    for steps in 0.. {
        let mut portal = portal(Policy::portal()).await;
        portal.registered(ANA, NAME, PASSWORD).await;
        let token = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
        let slow = portal.confirm(&token, NAME, PASSWORD);
        let Some(answers) = overtaken(slow, steps, portal.confirm(&token, NAME, PASSWORD)).await else { break };
        let one_each = [
            (Confirmation::LinkInvalid, Confirmation::Confirmed),
            (Confirmation::Confirmed, Confirmation::LinkInvalid),
        ];
        assert!(one_each.contains(&answers), "{answers:?} when overtaken at step {steps}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_addresses_that_confirm_one_name_one_gets_it() {
    for _ in 0..40 {
        let mut portal = portal(Policy::portal()).await;
        portal.registry.insert(patient("pac-0002", BEATRIZ));
        portal.registered(ANA, NAME, PASSWORD).await;
        portal.registered(BEATRIZ, NAME, NEW_PASSWORD).await;
        let mails = portal.mails().await;
        let to = |address: &str| token(mails.iter().find(|mail| mail.to().key() == address).expect("a mail"));
        let forms = vec![form(&to(ANA), NAME, PASSWORD), form(&to(BEATRIZ), NAME, NEW_PASSWORD)];
        let answers = confirming(&portal, forms).await;
        assert_eq!(count(&answers, &Confirmation::Confirmed), 1, "{answers:?}");
        assert_eq!(count(&answers, &Confirmation::UsernameTaken), 1, "{answers:?}");
        let winner = if answers[0] == Confirmation::Confirmed { (ANA, PASSWORD) } else { (BEATRIZ, NEW_PASSWORD) };
        assert_eq!(user(&portal.store, NAME).await.expect("a user").email().key(), winner.0);
        portal.signed_in(NAME, winner.1).await;
        // The loser's link is as good as it was: under another name it confirms.
        let (address, password) = if winner.0 == ANA { (BEATRIZ, NEW_PASSWORD) } else { (ANA, PASSWORD) };
        portal.registered(address, "otra", password).await;
        assert_eq!(portal.confirm(&to(address), "otra", password).await, Confirmation::Confirmed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_links_of_one_address_do_not_outrun_its_limit_of_users() {
    for _ in 0..40 {
        let mut policy = Policy::portal();
        policy.email.max_users = 1;
        let mut portal = portal(policy).await;
        portal.registered(ANA, "una", PASSWORD).await;
        let first = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
        portal.pass(120);
        portal.registered(ANA, "otra", PASSWORD).await;
        let second = token(&portal.mail(MailPurpose::ConfirmRegistration).await);
        let forms = vec![form(&first, "una", PASSWORD), form(&second, "otra", PASSWORD)];
        let answers = confirming(&portal, forms).await;
        assert_eq!(count(&answers, &Confirmation::Confirmed), 1, "{answers:?}");
        let users = portal.store.users_with_email(&ANA.parse().expect("an address")).await.expect("the store is there");
        assert_eq!(users.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_that_confirm_one_recovery_one_does_and_one_temporary_password_comes() {
    for _ in 0..8 {
        let mut portal = portal(Policy::portal()).await;
        portal.user(ANA, NAME, PASSWORD).await;
        assert_eq!(portal.recover_password(ANA, NAME).await, RecoveryRequest::Accepted);
        let token = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
        let calls = (0..RACERS).map(|_| {
            let (acceso, client, token) = (portal.acceso.clone(), portal.client.clone(), token.clone());
            async move { acceso.confirm_recovery(&token, &client).await.expect("the store is there") }
        });
        let answers = at_once(calls).await;
        assert_eq!(count(&answers, &RecoveryConfirmation::Accepted), 1);
        assert_eq!(count(&answers, &RecoveryConfirmation::LinkInvalid), RACERS - 1);
        let password = temporary(&portal.mail(MailPurpose::TemporaryPassword).await);
        assert!(matches!(portal.login(NAME, &password).await, acceso::Login::MustChangePassword(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_choose_a_password_with_one_link_one_does() {
    for _ in 0..10 {
        let mut portal = portal(Policy::modern()).await;
        let original = "una frase muy larga";
        portal.user(ANA, NAME, original).await;
        assert_eq!(portal.recover_password(ANA, NAME).await, RecoveryRequest::Accepted);
        let token = token(&portal.mail(MailPurpose::ConfirmRecovery).await);
        let chosen = |number: usize| format!("otra frase, la número {number}");
        let calls = (0..20).map(|number| {
            let (acceso, client, token) = (portal.acceso.clone(), portal.client.clone(), token.clone());
            let form = PasswordChoiceForm { token, new: chosen(number).into(), repeated: chosen(number).into() };
            async move { acceso.choose_password(form, &client).await.expect("the store is there") }
        });
        let answers = at_once(calls).await;
        assert_eq!(count(&answers, &PasswordChoice::Changed), 1);
        assert_eq!(count(&answers, &PasswordChoice::LinkInvalid), 19);
        portal.mail(MailPurpose::PasswordChanged).await;
        let winner = answers.iter().position(|answer| *answer == PasswordChoice::Changed).expect("one");
        portal.signed_in(NAME, &chosen(winner)).await;
        assert_eq!(event_kinds(&portal).await.iter().filter(|kind| **kind == EventKind::PasswordChosen).count(), 1);
    }
}
