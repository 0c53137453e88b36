//! The pages in Spanish. Not: their form.
//!
//! **The manual *Acceso de Usuarios* gives the words.**

use super::Label;

#[allow(clippy::match_same_arms, clippy::too_many_lines, reason = "one line for each label, whatever others say")]
pub(super) const fn label(label: Label) -> &'static str {
    match label {
        Label::LoginTitle => "Ingrese a su cuenta",
        Label::LoginLead => {
            "Si ya cuenta con un usuario registrado, sus datos son suficientes para ingresar al portal."
        }
        Label::Username => "Usuario",
        Label::Password => "Contraseña",
        Label::Stay => "Mantener sesión iniciada",
        Label::StayHint => "No lo elija en una computadora que usan otras personas.",
        Label::RecoverUsername => "Recuperar Usuario",
        Label::RecoverPassword => "Recuperar contraseña",
        Label::LogIn => "Iniciar sesión",
        Label::CreateUser => "Crear un nuevo usuario",
        Label::CreateLead => {
            "En caso de que aún no haya creado su usuario, le invitamos a hacer clic en el botón “Crear un nuevo \
             usuario”."
        }
        Label::RegistrationTitle => "Registrarse",
        Label::Email => "Email",
        Label::EmailHint => "El que figura en su Historia Clínica.",
        Label::UsernameHint => "De 3 a 32 letras o números, sin espacios.",
        Label::Key => "Clave",
        Label::RepeatKey => "Repetir clave",
        Label::FullName => "Nombre",
        Label::FullNameHint => "Su nombre y apellido completo.",
        Label::Accept => "Aceptar",
        Label::Considerations => "Consideraciones importantes",
        Label::ConsiderEmail => {
            "El correo electrónico debe estar registrado en su Historia Clínica en nuestro sistema. Si no está \
             seguro de esto, le recomendamos contactarse con nosotros."
        }
        Label::ConsiderUsername => {
            "El nombre de usuario debe ser único. Si ya existe un usuario con el nombre que usted indica, se le \
             solicitará que elija otro nombre de usuario."
        }
        Label::ConsiderMail => {
            "Al presionar “Aceptar” recibirá un correo electrónico. Si no completa el paso que se le pide allí, \
             no podrá acceder al portal."
        }
        Label::MailTitle => "Revise su correo",
        Label::ConfirmationTitle => "Confirme su registro",
        Label::ConfirmationLead => "Escriba el usuario y la contraseña que eligió al registrarse.",
        Label::Confirm => "Confirmar",
        Label::ConfirmedTitle => "Usuario confirmado",
        Label::UsernameRecoveryLead => {
            "Complete el campo con su dirección de correo electrónico. Recibirá un correo con los usuarios \
             creados asociados a esa dirección."
        }
        Label::PasswordRecoveryLead => {
            "Complete los campos con su dirección de correo electrónico y el nombre de usuario. Recibirá un \
             correo para confirmar que desea cambiar su contraseña."
        }
        Label::RecoveryConfirmationTitle => "Confirme que desea cambiar su contraseña",
        Label::RecoveryConfirmationLead => {
            "Al confirmar, la contraseña anterior deja de servir, se cierran las sesiones abiertas y usted \
             recibirá un correo con una contraseña temporal."
        }
        Label::RecoveryConfirmedTitle => "Está confirmado",
        Label::ChooseTitle => "Elija una contraseña nueva",
        Label::ChangePassword => "Cambiar Contraseña",
        Label::CurrentPassword => "Contraseña actual",
        Label::NewPassword => "Contraseña nueva",
        Label::RepeatPassword => "Repetir contraseña nueva",
        Label::ChangedTitle => "Contraseña actualizada",
        Label::LinkTitle => "El enlace no sirve",
        Label::RegisterAgain => "Registrarse otra vez",
        Label::GoToLogin => "Ir a la página de inicio",
        Label::LoggedOutTitle => "Sesión cerrada",
        Label::LogOut => "Cerrar sesión",
        Label::Sessions => "Sesiones abiertas",
        Label::SessionsLead => {
            "Estos son los dispositivos en los que su usuario tiene una sesión abierta. Si no reconoce alguno, \
             cierre esa sesión y cambie la contraseña."
        }
        Label::ThisSession => "Esta sesión",
        Label::UnknownDevice => "Dispositivo desconocido",
        Label::OpenedAt => "Iniciada",
        Label::LastSeen => "Último uso",
        Label::EndSession => "Cerrar esta sesión",
        Label::EndOthers => "Cerrar todas las demás sesiones",
        Label::SessionEnded => "La sesión está cerrada.",
        Label::OthersEnded => "Las demás sesiones están cerradas.",
        Label::Contact => "Contacto",
        Label::ContactLead => "Si necesita más ayuda o tiene alguna pregunta, por favor contáctese con nosotros.",
        Label::ContactNone => "Diríjase a la recepción de la clínica.",
        Label::Questions => "Preguntas frecuentes",
        Label::WhyNoUser => "¿Por qué no puede crear un usuario?",
        Label::WhyNoUserAnswer => {
            "Es posible que su dirección de correo electrónico no esté registrada en su Historia Clínica en \
             nuestro sistema. Le recomendamos verificar esta información contactándose con nosotros."
        }
        Label::WhyNoEntry => "¿Por qué, después de crear un usuario, no puede ingresar?",
        Label::WhyNoEntryUnconfirmed => {
            "El usuario aún no ha activado su cuenta. Verifique si ha realizado la acción requerida en el correo \
             electrónico que recibió al momento de crear su usuario."
        }
        Label::WhyNoEntryLocked => {
            "Es posible que el usuario esté bloqueado debido a múltiples intentos fallidos con una contraseña \
             incorrecta. Puede solucionarlo con la opción “Recuperar contraseña”."
        }
        Label::Skip => "Ir al contenido",
        Label::Menu => "Menú del usuario",
        Label::ErrorPrefix => "Error: ",
        Label::ProblemTitle => "Hay un problema",
        Label::SorryTitle => "No se pudo atender su pedido",
        Label::ShowPassword => "Mostrar la contraseña",
        Label::HidePassword => "Ocultar la contraseña",
        Label::RulesTitle => "La contraseña necesita:",
        Label::RuleUppercase => "una letra mayúscula",
        Label::RuleLowercase => "una letra minúscula",
        Label::RuleDigit => "un número",
        Label::RuleMet => "Cumplido: ",
        Label::OtherLanguage => "English",
        Label::NotSignedIn => "Para ver esta página, inicie sesión.",
        Label::ForeignOrigin => {
            "El pedido no vino de una página de este portal. Vuelva a la página de inicio e inténtelo otra vez \
             desde allí."
        }
        Label::BadForm => "El formulario llegó incompleto o dañado. Vuelva a la página anterior e inténtelo otra vez.",
    }
}
