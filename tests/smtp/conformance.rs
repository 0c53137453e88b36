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

mod of_another_maker {
    use std::path::Path;

    use acceso::adapter::smtp::SmtpMailer;
    use acceso::conformance::mailer::Arrived;
    use acceso::{Mail, Mailer, SendError};

    use crate::certificates::Authority;
    use crate::smtp_peer::{Peer, Speaks, arrived, packages_or_skip};
    use crate::stand;

    struct Connected {
        mailer: SmtpMailer,
        peer: Peer,
    }

    impl Connected {
        fn new(packages: &Path) -> Self {
            let authority = Authority::new();
            let certificate = authority.certify(&["localhost"]);
            let peer = Peer::start(packages, Speaks::StartTls(&certificate), None);
            let builder = stand::builder(&format!("smtp://localhost:{}", peer.port)).require_tls();
            let mailer = builder.root_certificates(authority.pem.as_bytes()).build().expect("a mailer");
            Self { mailer, peer }
        }

        fn take(&self) -> Vec<Arrived> {
            self.peer.take().iter().map(arrived).collect()
        }
    }

    #[async_trait::async_trait]
    impl Mailer for Connected {
        async fn send(&self, mail: &Mail) -> Result<(), SendError> {
            self.mailer.send(mail).await
        }
    }

    /// Each check with a server of its own, by hand: the macro's tests cannot be skipped.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn every_check_of_the_suite_passes() {
        let Some(packages) = packages_or_skip("every_check_of_the_suite_passes") else { return };
        for check in acceso::conformance::mailer::CHECKS {
            let connected = Connected::new(&packages);
            let subject = acceso::conformance::mailer::Subject::new(connected, |mailer| async move { mailer.take() })
                .spawned_by(|task| drop(tokio::spawn(task)));
            check.run(subject).await.unwrap_or_else(|broken| panic!("{broken}"));
        }
    }
}
