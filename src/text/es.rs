//! The sentences in Spanish, formal and for all of Latin America. Not: their form, which is made in `text`.
//!
//! **The options of the login page are named as the page names them: “Recuperar Usuario”, “Recuperar contraseña”.**

use super::{Counted, Draft, Duration, Fault, Field, Frame, Letter, Notice, Part, Portal, Rule, in_words};

const IGNORE: &str = "Si usted no lo pidió, no haga nada: puede ignorar este mensaje sin ningún riesgo.";

pub(super) fn frame(portal: &Portal) -> Frame<'_> {
    Frame {
        greeting: "Hola:",
        help: match &portal.contact {
            Some(contact) => format!("Si necesita ayuda, contáctese con nosotros: {contact}").into(),
            None => "Si necesita ayuda, contáctese con nosotros.".into(),
        },
        automatic: "Este mensaje se envió automáticamente.",
    }
}

pub(super) fn letter<'a>(letter: &Letter<'a>, portal: &'a Portal) -> Draft<'a> {
    match *letter {
        Letter::ConfirmRegistration { link, lifetime } => confirm_registration(link, lifetime),
        Letter::RegistrationConfirmed => registration_confirmed(&portal.home),
        Letter::UserNames { usernames } => user_names(usernames),
        Letter::ConfirmRecovery { link, lifetime } => confirm_recovery(link, lifetime),
        Letter::TemporaryPassword { password, lifetime } => temporary_password(password, lifetime, &portal.home),
        Letter::ChoosePassword { link, lifetime } => choose_password(link, lifetime),
        Letter::PasswordChanged => password_changed(),
        Letter::UserLocked { until_recovery } => user_locked(until_recovery),
    }
}

fn confirm_registration(link: &str, lifetime: Duration) -> Draft<'_> {
    Draft {
        subject: "Confirme su registro",
        parts: vec![
            Part::Prose(
                "Se pidió crear un usuario del portal con esta dirección de correo electrónico. Si fue usted, confirme \
                 su registro. Si no completa este paso, no podrá acceder al portal."
                    .into(),
            ),
            Part::Link { label: "Confirmar el registro", url: link },
            Part::Prose(
                "Abra el enlace y escriba el usuario y la contraseña que usted eligió. Después recibirá otro mensaje \
                 que le avisará que ya puede ingresar."
                    .into(),
            ),
            Part::Prose(
                format!(
                    "El enlace vale {} desde que se envió este mensaje. Si otras personas también se registraron con \
                     esta dirección, el mismo enlace sirve para cualquiera de ellas; si después queda alguna por \
                     confirmar, recibirá otro mensaje.",
                    hours(lifetime)
                )
                .into(),
            ),
            Part::Prose(
                format!("{IGNORE} No escriba allí un usuario ni una contraseña que le haya dado otra persona.").into(),
            ),
        ],
    }
}

fn registration_confirmed(home: &str) -> Draft<'_> {
    Draft {
        subject: "Su registro está confirmado",
        parts: vec![
            Part::Prose(
                "Su registro está confirmado. Ya puede ingresar al portal con el usuario y la contraseña que eligió."
                    .into(),
            ),
            Part::Link { label: "Ingresar al portal", url: home },
            Part::Prose(
                "Si usted no confirmó ningún registro, es posible que otra persona tenga acceso a este correo \
                 electrónico: cambie la contraseña de su correo y contáctese con nosotros."
                    .into(),
            ),
        ],
    }
}

fn user_names<'a>(usernames: &'a [&'a str]) -> Draft<'a> {
    Draft {
        subject: "Sus usuarios del portal",
        parts: vec![
            Part::Prose(match usernames {
                [_] => "Este es el usuario creado con esta dirección de correo electrónico:".into(),
                _ => "Estos son los usuarios creados con esta dirección de correo electrónico:".into(),
            }),
            Part::List(usernames),
            Part::Prose(
                "Un registro que todavía no se confirmó no figura aquí. Si tampoco recuerda la contraseña, elija \
                 “Recuperar contraseña” en la página de inicio del portal."
                    .into(),
            ),
            Part::Prose(IGNORE.into()),
        ],
    }
}

fn confirm_recovery(link: &str, lifetime: Duration) -> Draft<'_> {
    Draft {
        subject: "Confirme que desea cambiar su contraseña",
        parts: vec![
            Part::Prose(
                "Se pidió recuperar la contraseña de un usuario del portal creado con esta dirección de correo \
                 electrónico. Si fue usted, confirme que desea cambiarla."
                    .into(),
            ),
            Part::Link { label: "Confirmar", url: link },
            Part::Prose(
                "Nada cambia hasta que confirme. Al confirmar, la contraseña anterior deja de servir, se cierran las \
                 sesiones abiertas y usted recibirá otro mensaje con una contraseña temporal."
                    .into(),
            ),
            Part::Prose(
                format!("El enlace vale {} desde que se envió este mensaje, y sirve una sola vez.", hours(lifetime))
                    .into(),
            ),
            Part::Prose(IGNORE.into()),
        ],
    }
}

/// The password comes late, out of sight of a lock screen's preview.
fn temporary_password<'a>(password: &'a str, lifetime: Duration, home: &'a str) -> Draft<'a> {
    Draft {
        subject: "Su contraseña temporal",
        parts: vec![
            Part::Prose(
                "Se confirmó el cambio de la contraseña de un usuario del portal. Ingrese con su usuario y con la \
                 contraseña temporal que figura más abajo, y elija entonces una contraseña nueva."
                    .into(),
            ),
            Part::Prose(
                format!(
                    "La contraseña temporal vale {} desde que se envió este mensaje, y sirve solamente para cambiar la \
                     contraseña. Si recibió varias, vale la más reciente.",
                    hours(lifetime)
                )
                .into(),
            ),
            Part::Secret(password),
            Part::Link { label: "Ingresar al portal", url: home },
            Part::Prose(
                "No comparta esta contraseña con nadie, tampoco con quien diga llamar de nuestra parte.".into(),
            ),
            Part::Prose(
                "Si usted no confirmó ningún cambio, es posible que otra persona tenga acceso a este correo \
                 electrónico: cambie la contraseña de su correo, elija “Recuperar contraseña” en la página de inicio \
                 del portal y contáctese con nosotros."
                    .into(),
            ),
        ],
    }
}

fn choose_password(link: &str, lifetime: Duration) -> Draft<'_> {
    Draft {
        subject: "Elija una contraseña nueva",
        parts: vec![
            Part::Prose(
                "Se pidió recuperar la contraseña de un usuario del portal creado con esta dirección de correo \
                 electrónico. Si fue usted, elija una contraseña nueva."
                    .into(),
            ),
            Part::Link { label: "Elegir la contraseña", url: link },
            Part::Prose(
                "Nada cambia hasta que la elija. En ese momento la contraseña anterior deja de servir y se cierran las \
                 sesiones abiertas."
                    .into(),
            ),
            Part::Prose(
                format!("El enlace vale {} desde que se envió este mensaje, y sirve una sola vez.", hours(lifetime))
                    .into(),
            ),
            Part::Prose(IGNORE.into()),
        ],
    }
}

fn password_changed() -> Draft<'static> {
    Draft {
        subject: "Su contraseña cambió",
        parts: vec![
            Part::Prose(
                "Se cambió la contraseña de un usuario del portal creado con esta dirección de correo electrónico. Las \
                 sesiones que estaban abiertas se cerraron."
                    .into(),
            ),
            Part::Prose(
                "Si fue usted, no hace falta que haga nada. Si no fue usted, elija de inmediato “Recuperar contraseña” \
                 en la página de inicio del portal y contáctese con nosotros."
                    .into(),
            ),
        ],
    }
}

fn user_locked(until_recovery: bool) -> Draft<'static> {
    Draft {
        subject: "Su usuario está bloqueado",
        parts: vec![
            Part::Prose(
                "Se escribió varias veces una contraseña incorrecta para un usuario del portal creado con esta \
                 dirección de correo electrónico. Para proteger sus datos, el usuario quedó bloqueado: por ahora no se \
                 puede ingresar con su contraseña. Las sesiones abiertas siguen abiertas."
                    .into(),
            ),
            Part::Prose(if until_recovery {
                "Para desbloquearlo, elija “Recuperar contraseña” en la página de inicio del portal.".into()
            } else {
                "Puede esperar un tiempo y volver a intentarlo, o elegir “Recuperar contraseña” en la página de inicio \
                 del portal."
                    .into()
            }),
            Part::Prose(
                "Si no fue usted quien la escribió, nadie ingresó con esos intentos y su contraseña no cambió. Por \
                 cada usuario enviamos como máximo uno de estos avisos por día."
                    .into(),
            ),
        ],
    }
}

fn hours(lifetime: Duration) -> String {
    in_words(lifetime, &Counted("hora", "horas"), &Counted("minuto", "minutos"), "y")
}

pub(super) fn fault(fault: Fault) -> String {
    const CHARACTERS: Counted = Counted("carácter", "caracteres");
    let field = match fault.field {
        Field::Email => "El correo electrónico",
        Field::Username => "El nombre de usuario",
        Field::Current => "La contraseña actual",
        Field::Password => "La contraseña",
        Field::Repeated => "La contraseña repetida",
        Field::FullName => "El nombre y apellido",
    };
    match fault.rule {
        Rule::Empty => match fault.field {
            Field::Email => "Escriba el correo electrónico.".into(),
            Field::Username => "Escriba el nombre de usuario.".into(),
            Field::Current => "Escriba su contraseña actual.".into(),
            Field::Password => "Escriba la contraseña.".into(),
            Field::Repeated => "Repita la contraseña.".into(),
            Field::FullName => "Escriba su nombre y apellido.".into(),
        },
        Rule::TooShort(least) => format!("{field} necesita al menos {}.", CHARACTERS.by(least.into())),
        Rule::TooLong(most) => format!("{field} no puede tener más de {}.", CHARACTERS.by(most.into())),
        Rule::Malformed => match fault.field {
            Field::Email => "Escriba el correo electrónico completo, sin espacios ni tildes, por ejemplo \
                             nombre@ejemplo.com."
                .into(),
            Field::Username => "El nombre de usuario puede tener letras sin tilde ni eñe, números, puntos, guiones y \
                                guiones bajos, y empieza con una letra o un número."
                .into(),
            Field::FullName => "El nombre y apellido puede tener letras, espacios, apóstrofos, guiones, y un punto al \
                                final de una abreviatura."
                .into(),
            Field::Current | Field::Password | Field::Repeated => {
                format!("{field} contiene algo que no se puede usar.")
            }
        },
        Rule::Incomplete => match fault.field {
            Field::FullName => "Escriba su nombre y su apellido, completos.".into(),
            Field::Email | Field::Username | Field::Current | Field::Password | Field::Repeated => {
                format!("{field} necesita completarse.")
            }
        },
        Rule::Reserved => match fault.field {
            Field::Username => "Ese nombre de usuario está reservado. Elija otro nombre de usuario.".into(),
            Field::Email | Field::Current | Field::Password | Field::Repeated | Field::FullName => {
                format!("{field} no se puede usar en este portal.")
            }
        },
        Rule::NoUppercase => format!("{field} necesita al menos una letra mayúscula."),
        Rule::NoLowercase => format!("{field} necesita al menos una letra minúscula."),
        Rule::NoDigit => format!("{field} necesita al menos un número."),
        Rule::ControlCharacter => {
            format!("{field} contiene un carácter invisible que algunos teclados no pueden escribir.")
        }
        Rule::Personal => format!(
            "{field} se parece demasiado a su usuario, su correo electrónico, su nombre o el nombre del portal."
        ),
        Rule::Common => format!("{field} figura entre las contraseñas más usadas y es fácil de adivinar."),
        Rule::Mismatch => "Las contraseñas no coinciden. Repita la misma contraseña.".into(),
        Rule::Unchanged => "La contraseña nueva debe ser distinta de la que reemplaza.".into(),
    }
}

pub(super) fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::RegistrationAccepted => {
            "Recibimos su pedido. Si el correo electrónico figura en su Historia Clínica, recibirá un mensaje para \
             confirmar el registro. Si no le llega, revise la carpeta de correo no deseado. Un mensaje que haya pedido \
             hace poco todavía sirve: use ese. Si no tiene ninguno, contáctese con nosotros para verificar si la \
             dirección figura en su Historia Clínica."
        }
        Notice::UsernameTaken => {
            "Ya existe un usuario con ese nombre. Regístrese con otro nombre de usuario; si ya recibió el mensaje para \
             confirmar, el mismo enlace le sirve."
        }
        Notice::RegistrationConfirmed => {
            "Su registro está confirmado. Ya puede ingresar con su usuario y su contraseña. Recibirá también un \
             mensaje que lo confirma."
        }
        Notice::ConfirmationRejected => {
            "El usuario o la contraseña no son los de un registro pendiente de esta dirección de correo electrónico. \
             Escríbalos como los eligió al registrarse. Si no los recuerda, regístrese otra vez: este mismo enlace le \
             sirve hasta que venza."
        }
        Notice::LinkInvalid => {
            "Este enlace no es válido: ya se usó, venció o está incompleto. Si ya confirmó, ingrese; si no, pídalo \
             otra vez."
        }
        Notice::NotAPatient => {
            "Esta dirección de correo electrónico no figura en una Historia Clínica con acceso al portal. Contáctese \
             con nosotros para verificarlo."
        }
        Notice::TooManyUsers => {
            "Esta dirección de correo electrónico ya tiene todos los usuarios que se permiten. Si no recuerda alguno, \
             elija “Recuperar Usuario”; si necesita otro, contáctese con nosotros."
        }
        Notice::LoginRejected => {
            "No es posible ingresar. Puede ser que el usuario o la contraseña no sean correctos; que el usuario \
             todavía no esté activado: siga los pasos del mensaje que recibió al registrarse o, si ya no sirve, \
             regístrese otra vez; o que esté bloqueado por varios intentos con una contraseña incorrecta: elija \
             “Recuperar contraseña”. Si nada de esto lo resuelve, contáctese con nosotros."
        }
        Notice::MustChangePassword => {
            "Ingresó con una contraseña temporal. Para continuar, elija una contraseña nueva."
        }
        Notice::UserNameSent => {
            "Recibimos su pedido. Si hay usuarios creados con esa dirección de correo electrónico, recibirá un mensaje \
             con sus nombres. Si no le llega, revise la carpeta de correo no deseado. Un mensaje que haya pedido hace \
             poco todavía sirve: use ese. Si no tiene ninguno, contáctese con nosotros."
        }
        Notice::RecoverySent => {
            "Recibimos su pedido. Si el usuario existe y fue creado con esa dirección de correo electrónico, recibirá \
             un mensaje para confirmar que desea cambiar la contraseña. Si no le llega, revise la carpeta de correo no \
             deseado. Un mensaje que haya pedido hace poco todavía sirve: use ese. Si no tiene ninguno, verifique el \
             usuario con “Recuperar Usuario”; si nunca confirmó el registro, regístrese otra vez."
        }
        Notice::RecoveryConfirmed => {
            "Está confirmado: la contraseña anterior ya no sirve. Recibirá un mensaje con una contraseña temporal; \
             ingrese con ella y elija una contraseña nueva. Si no le llega, revise la carpeta de correo no deseado o \
             elija otra vez “Recuperar contraseña”."
        }
        Notice::PasswordChanged => "Su contraseña está actualizada. Las sesiones que estaban abiertas se cerraron.",
        Notice::ChangeRejected => {
            "La contraseña no se cambió. Puede ser que la contraseña actual no sea correcta, o que el usuario esté \
             bloqueado por varios intentos con una contraseña incorrecta. Si no la recuerda o está bloqueado, elija \
             “Recuperar contraseña” en la página de inicio."
        }
        Notice::LoggedOut => "Su sesión está cerrada.",
        Notice::Busy => {
            "El portal está recibiendo demasiados pedidos y no pudo atender el suyo. Inténtelo de nuevo \
             en unos minutos."
        }
        Notice::Unavailable => "El portal no está disponible en este momento. Inténtelo otra vez más tarde.",
    }
}
