//! The pages in English. Not: their form.
//!
//! **Each says what the Spanish one says.**

use super::Label;

#[allow(clippy::match_same_arms, clippy::too_many_lines, reason = "one line for each label, whatever others say")]
pub(super) const fn label(label: Label) -> &'static str {
    match label {
        Label::LoginTitle => "Log in to your account",
        Label::LoginLead => "If you already have a registered user, your details are all you need to enter the portal.",
        Label::Username => "User name",
        Label::Password => "Password",
        Label::Stay => "Keep me signed in",
        Label::StayHint => "Do not choose this on a computer that other people use.",
        Label::RecoverUsername => "Recover user name",
        Label::RecoverPassword => "Recover password",
        Label::LogIn => "Log in",
        Label::CreateUser => "Create a new user",
        Label::CreateLead => "If you have not created your user yet, please click the button “Create a new user”.",
        Label::RegistrationTitle => "Register",
        Label::Email => "Email",
        Label::EmailHint => "The one in your medical record.",
        Label::UsernameHint => "3 to 32 letters or digits, without spaces.",
        Label::Key => "Password",
        Label::RepeatKey => "Repeat password",
        Label::FullName => "Name",
        Label::FullNameHint => "Your full first and family name.",
        Label::Accept => "Accept",
        Label::Considerations => "Please note",
        Label::ConsiderEmail => {
            "The e-mail address must be in your medical record in our system. If you are not sure that it is, \
             please contact us."
        }
        Label::ConsiderUsername => {
            "The user name must be unique. If there is a user with the name that you enter already, you will be \
             asked to choose another."
        }
        Label::ConsiderMail => {
            "After you press “Accept” you will receive an e-mail. Unless you complete the step that it asks for, \
             you cannot enter the portal."
        }
        Label::MailTitle => "Check your e-mail",
        Label::ConfirmationTitle => "Confirm your registration",
        Label::ConfirmationLead => "Enter the user name and the password that you chose when you registered.",
        Label::Confirm => "Confirm",
        Label::ConfirmedTitle => "User confirmed",
        Label::UsernameRecoveryLead => {
            "Enter your e-mail address. You will receive an e-mail with the users that were created with that \
             address."
        }
        Label::PasswordRecoveryLead => {
            "Enter your e-mail address and your user name. You will receive an e-mail to confirm that you want to \
             change your password."
        }
        Label::RecoveryConfirmationTitle => "Confirm that you want to change your password",
        Label::RecoveryConfirmationLead => {
            "When you confirm, the old password stops working, open sessions end, and you will receive an e-mail \
             with a temporary password."
        }
        Label::RecoveryConfirmedTitle => "Confirmed",
        Label::ChooseTitle => "Choose a new password",
        Label::ChangePassword => "Change password",
        Label::CurrentPassword => "Current password",
        Label::NewPassword => "New password",
        Label::RepeatPassword => "Repeat new password",
        Label::ChangedTitle => "Password changed",
        Label::LinkTitle => "The link does not work",
        Label::RegisterAgain => "Register again",
        Label::GoToLogin => "Go to the start page",
        Label::LoggedOutTitle => "Logged out",
        Label::LogOut => "Log out",
        Label::Sessions => "Active sessions",
        Label::SessionsLead => {
            "These are the devices on which your user is signed in. If you do not recognise one, end that session \
             and change your password."
        }
        Label::ThisSession => "This session",
        Label::UnknownDevice => "Unknown device",
        Label::OpenedAt => "Opened",
        Label::LastSeen => "Last used",
        Label::EndSession => "End this session",
        Label::EndOthers => "End all other sessions",
        Label::SessionEnded => "The session has ended.",
        Label::OthersEnded => "The other sessions have ended.",
        Label::Contact => "Contact",
        Label::ContactLead => "If you need more help or have a question, please contact us.",
        Label::ContactNone => "Please ask at the clinic’s reception.",
        Label::Questions => "Frequently asked questions",
        Label::WhyNoUser => "Why can you not create a user?",
        Label::WhyNoUserAnswer => {
            "Your e-mail address may not be in your medical record in our system. Please contact us to check."
        }
        Label::WhyNoEntry => "Why can you not enter after creating a user?",
        Label::WhyNoEntryUnconfirmed => {
            "The account is not active yet. Check that you have done what the e-mail asks for that you received \
             when you created your user."
        }
        Label::WhyNoEntryLocked => {
            "The user may be locked after several attempts with a wrong password. “Recover password” solves this."
        }
        Label::Skip => "Skip to the content",
        Label::Menu => "User menu",
        Label::ErrorPrefix => "Error: ",
        Label::ProblemTitle => "There is a problem",
        Label::SorryTitle => "Your request could not be carried out",
        Label::ShowPassword => "Show the password",
        Label::HidePassword => "Hide the password",
        Label::RulesTitle => "The password needs:",
        Label::RuleUppercase => "an upper-case letter",
        Label::RuleLowercase => "a lower-case letter",
        Label::RuleDigit => "a digit",
        Label::RuleMet => "Done: ",
        Label::OtherLanguage => "Español",
        Label::NotSignedIn => "Please log in to see this page.",
        Label::ForeignOrigin => {
            "The request did not come from a page of this portal. Go back to the start page and try again from \
             there."
        }
        Label::BadForm => "The form arrived incomplete or damaged. Go back to the previous page and try again.",
    }
}
