//! A patient gets in by the manual, whatever strangers did before and while they go on. Not: why she needed to.
//!
//! **With a mailbox and a registry that work, she is in after a few steps and at most the brake's bound.**

use acceso::{MailPurpose, Recovery};
use proptest::prelude::*;

use crate::call::{Answer, Call, Staff};
use crate::cast::{NAMES, Visitor};
use crate::model::Status;
use crate::play::{Game, Played};
use crate::ports::Verdict;
use crate::step::{Change, Seed};

const MINUTE: i64 = 60 * 1000;

/// The brake's longest interval, a postponed mail, a lease of a courier that died, and what clocks may differ.
const BOUND: i64 = (60 + 20 + 10 + 5) * MINUTE;

/// Who is to be let in, and the people at her elbow: each takes his turn between her steps.
struct Rescue<'a> {
    who: Visitor,
    mailbox: &'static str,
    strangers: &'a [Seed],
    next: usize,
    /// A stranger registers her address and her very name after her, more often than a confirmation tries.
    crowded: bool,
}

impl Game {
    pub fn rescue(&mut self, who: Visitor, strangers: &[Seed], flags: u8) -> Played {
        let Some(mailbox) = who.mailbox() else { return Ok(()) };
        self.change(Change::Down(false));
        // A stranger whom the clinic has made a patient is none.
        if self.model.eligible(mailbox).is_none() || self.is_mallory_a_patient() {
            return Ok(());
        }
        let crowded = flags & 0b10_0000 != 0;
        let mut rescue = Rescue { who, mailbox, strangers, next: 0, crowded };
        self.tally.rescues += 1;
        if flags & 0b1100 == 0b1100 {
            self.besiege(mailbox, who, flags)?;
        }
        let begun = self.model.now;
        match self.own_name(who, mailbox) {
            Some(name) => {
                if !self.is_let_in(&name, flags)? {
                    return Ok(());
                }
                self.recover(&mut rescue, &name)?;
            }
            None => self.begin(&mut rescue, flags)?,
        }
        let took = (self.model.now - begun) / MINUTE;
        self.tally.longest_rescue = self.tally.longest_rescue.max(took);
        Ok(())
    }

    /// The name that she goes by: hers, or any of her address.
    fn own_name(&self, who: Visitor, mailbox: &str) -> Option<String> {
        let of_address = || self.model.accounts.iter().filter(|account| account.email == mailbox);
        let hers = of_address().find(|account| account.name == who.name()).or_else(|| of_address().next());
        hers.map(|account| account.name.clone())
    }

    /// The nightly job lifts what the registry alone has done; whom the clinic has shut out stays out.
    fn is_let_in(&mut self, name: &str, flags: u8) -> Played<bool> {
        let Some((id, status)) = self.model.named(name).map(|account| (account.id, account.status)) else {
            return Ok(false);
        };
        match status {
            Status::Active => {}
            Status::WithoutPatients => {
                self.ask(None, &Call::Staff { act: Staff::Refresh, user: id }, None)?;
            }
            Status::DisabledByClinic if flags.is_multiple_of(2) => return Ok(false),
            Status::DisabledByClinic => {
                self.ask(None, &Call::Staff { act: Staff::Enable, user: id }, None)?;
            }
        }
        Ok(true)
    }

    /// For hours strangers have asked for mails to her, of which none or few have arrived: the brake is at its longest.
    fn besiege(&mut self, mailbox: &str, who: Visitor, flags: u8) -> Played {
        let name = self.own_name(who, mailbox).unwrap_or_else(|| who.name().to_owned());
        let lost =
            if flags & 0b1_0000 == 0 { [Verdict::Lost].as_slice() } else { &[Verdict::Lost, Verdict::Delivered] };
        for time in 0..7 {
            let stranger = Some(Visitor::Trudy);
            self.ask(stranger, &Call::RecoverPassword { email: mailbox.into(), name: name.clone() }, None)?;
            let password = Visitor::Trudy.password(flags);
            let register = Call::Register { email: mailbox.into(), name: NAMES[4].into(), password };
            self.ask(stranger, &register, None)?;
            self.round(lost, None)?;
            self.set_clock(self.model.now + if time < 6 { MINUTE << time } else { 1_000 });
        }
        Ok(())
    }

    fn interrupt(&mut self, rescue: &mut Rescue<'_>) -> Played {
        let seed = rescue.next.checked_rem(rescue.strangers.len()).and_then(|at| rescue.strangers.get(at)).copied();
        rescue.next += 1;
        if let Some(seed) = seed {
            let who = crate::play::visitor(seed.who);
            if let Some(call) = self.choose(who, seed) {
                self.ask(Some(who), &call, None)?;
            }
        }
        Ok(())
    }

    /// The links in her mailbox, the newest first.
    fn links(&self, mailbox: &str, kind: MailPurpose) -> Vec<String> {
        let links = self.inboxes[mailbox].links.iter().rev();
        links.filter(|(other, _)| *other == kind).map(|(_, token)| token.clone()).collect()
    }

    /// Asks for a mail, and uses whichever link works; again every five minutes.
    fn by_link(
        &mut self,
        rescue: &mut Rescue<'_>,
        kind: MailPurpose,
        request: impl Fn(&Self) -> Call,
        using: impl Fn(&Self, String) -> Option<Call>,
        worked: impl Fn(&Answer) -> bool,
    ) -> Played {
        let Rescue { who, mailbox, .. } = *rescue;
        let begun = self.model.now;
        while self.model.now - begun <= BOUND {
            let request = request(self);
            let asked = self.ask(Some(who), &request, None)?;
            prop_assert_eq!(asked, Some(Answer::Accepted));
            if let (Call::Register { email, name, .. }, true) = (&request, rescue.crowded) {
                let password = Visitor::Trudy.password(0);
                let after_her = Call::Register { email: email.clone(), name: name.clone(), password };
                for _ in 0..9 {
                    self.ask(Some(Visitor::Trudy), &after_her, None)?;
                }
            }
            self.interrupt(rescue)?;
            self.round(&[], None)?;
            self.interrupt(rescue)?;
            for token in self.links(mailbox, kind) {
                let Some(using) = using(self, token) else { continue };
                if self.ask(Some(who), &using, None)?.as_ref().is_some_and(&worked) {
                    return Ok(());
                }
            }
            self.set_clock(self.model.now + 5 * MINUTE);
        }
        Err(TestCaseError::fail(format!("{who:?} got no {kind:?} that works within {} min", BOUND / MINUTE)))
    }

    fn recover(&mut self, rescue: &mut Rescue<'_>, name: &str) -> Played {
        let Rescue { who, mailbox, .. } = *rescue;
        let new = format!("Rescatada por {} pasos", self.tally.rescues);
        let by_mail = matches!(self.world.policy.recovery, Recovery::TemporaryPassword { .. });
        let request = |_: &Self| Call::RecoverPassword { email: mailbox.into(), name: name.into() };
        // Another user of the address may have a link there too; hers is the one that lets her in by her name.
        let before = self.model.named(name).map(|account| account.generation);
        let using = |game: &Self, token: String| {
            let hers = game.model.link(&token, MailPurpose::ConfirmRecovery).and_then(|(_, user)| user);
            let hers = hers.is_none() || hers == game.model.named(name).map(|account| account.id);
            hers.then(
                || if by_mail { Call::ConfirmRecovery { token } } else { Call::Choose { token, new: new.clone() } },
            )
        };
        let worked = |answer: &Answer| matches!(answer, Answer::Accepted | Answer::Changed);
        self.by_link(rescue, MailPurpose::ConfirmRecovery, request, using, worked)?;
        prop_assert!(self.model.named(name).map(|account| account.generation) > before);
        self.interrupt(rescue)?;
        if !by_mail {
            let login = Call::Login { name: name.into(), password: new, stay: false, replaces: None };
            let entered = self.ask(Some(who), &login, None)?;
            prop_assert!(matches!(entered, Some(Answer::SignedIn { .. })), "{:?} after recovery: {:?}", who, entered);
            return Ok(());
        }
        self.round(&[], None)?;
        self.interrupt(rescue)?;
        let temporary = self.inboxes[mailbox].temporaries.last().cloned().unwrap_or_default();
        let login = Call::Login { name: name.into(), password: temporary, stay: false, replaces: None };
        let entered = self.ask(Some(who), &login, None)?;
        prop_assert!(matches!(entered, Some(Answer::MustChangePassword { .. })), "{:?}: {:?}", who, entered);
        self.interrupt(rescue)?;
        let session = self.hands[who as usize].sessions.last().cloned().unwrap_or_default();
        let changed = self.ask(Some(who), &Call::Change { session, current: String::new(), new }, None)?;
        prop_assert_eq!(changed, Some(Answer::Changed));
        self.interrupt(rescue)?;
        self.is_in(who, name)
    }

    /// Registers, confirms and logs in.
    fn begin(&mut self, rescue: &mut Rescue<'_>, flags: u8) -> Played {
        let Rescue { who, mailbox, .. } = *rescue;
        let free = |game: &Self| {
            let mut names = [who.name()].into_iter().chain(NAMES);
            names.find(|name| game.model.named(name).is_none()).map(str::to_owned)
        };
        let Some(name) = free(self) else { return Ok(()) };
        let password = who.password(flags);
        let request =
            |_: &Self| Call::Register { email: mailbox.into(), name: name.clone(), password: password.clone() };
        let using = |game: &Self, token: String| {
            let reference = game.hands[who as usize].references.last().cloned();
            Some(Call::Confirm { token, name: name.clone(), password: password.clone(), reference })
        };
        let worked = |answer: &Answer| *answer == Answer::Confirmed;
        self.by_link(rescue, MailPurpose::ConfirmRegistration, request, using, worked)?;
        self.interrupt(rescue)?;
        let login = Call::Login { name: name.clone(), password, stay: flags.is_multiple_of(2), replaces: None };
        let entered = self.ask(Some(who), &login, None)?;
        prop_assert!(matches!(entered, Some(Answer::SignedIn { .. })), "{:?} after confirming: {:?}", who, entered);
        self.interrupt(rescue)?;
        self.is_in(who, &name)
    }

    fn is_in(&mut self, who: Visitor, name: &str) -> Played {
        let session = self.hands[who as usize].sessions.last().cloned().unwrap_or_default();
        let visitor = self.ask(Some(who), &Call::Visit { session }, None)?;
        prop_assert_eq!(visitor, Some(Answer::Visitor(Some(name.to_owned()))));
        Ok(())
    }
}
