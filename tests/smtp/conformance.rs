//! The conformance suite over SMTP: to a scripted server that obliges, and to one of another maker.

mod scripted {
    use acceso::adapter::smtp::SmtpMailer;
    use acceso::{Mail, Mailer, SendError};

    use crate::smtp_server::{Received, SmtpServer};
    use crate::stand;

    struct Connected {
        mailer: SmtpMailer,
        server: SmtpServer,
    }

    impl Connected {
        fn new() -> Self {
            let server = SmtpServer::obliging();
            Self { mailer: stand::mailer(&server), server }
        }
    }

    #[async_trait::async_trait]
    impl Mailer for Connected {
        async fn send(&self, mail: &Mail) -> Result<(), SendError> {
            self.mailer.send(mail).await
        }
    }

    acceso::conformance::mailer! {
        test: #[tokio::test(flavor = "multi_thread", worker_threads = 4)],
        spawn: tokio::spawn,
        mailer: Connected::new(),
        arrived: |mailer| mailer.server.take().iter().map(Received::arrived).collect(),
    }
}
