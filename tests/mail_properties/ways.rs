//! The two ways out: over the wire to a server, and into a file. Not: what is in them.

use std::fs;

use acceso::adapter::maildir::MaildirMailer;
use acceso::adapter::message::Sender;
use acceso::adapter::smtp::SmtpMailer;
use acceso::{Mail, Mailer as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::read::Raw;
use crate::smtp_server::{SmtpServer, Verb};
use crate::story::Clinic;

pub(crate) const FROM: &str = "avisos@clinica.example";

pub(crate) struct Ways {
    runtime: Runtime,
    server: SmtpServer,
    smtp: SmtpMailer,
    maildir: MaildirMailer,
    _folder: TempDir,
}

impl Ways {
    pub(crate) fn new(clinic: &Clinic) -> Self {
        let bare = Sender::new(FROM).expect("legal");
        let mut sender = bare.clone().named(&clinic.sender).unwrap_or(bare);
        if clinic.has_reply_to {
            sender = sender.reply_to("recepcion@clinica.example").expect("legal");
        }
        let server = SmtpServer::obliging();
        let smtp = SmtpMailer::builder(&server.url(), sender.clone()).build().expect("a mailer");
        let folder = tempfile::tempdir().expect("a folder");
        let maildir = MaildirMailer::open(folder.path().join("mails"), sender).expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, server, smtp, maildir, _folder: folder }
    }

    /// The mail as the server took it and as the file has it. The server has heard of one sender, one recipient and one
    /// message, and of nothing else.
    pub(crate) fn both(&self, mail: &Mail) -> [(&'static str, Raw); 2] {
        let counts = || [Verb::Sender, Verb::Recipient, Verb::Message, Verb::Other].map(|verb| self.server.count(verb));
        let before = counts();
        self.runtime.block_on(async {
            self.smtp.send(mail).await.expect("sent");
            self.maildir.send(mail).await.expect("written");
        });
        let mut heard = counts();
        heard.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
        assert_eq!(heard, [1, 1, 1, 0], "{:?}", self.server.commands());
        let mut mails = self.server.take();
        let received = mails.pop().expect("one mail");
        assert!(mails.is_empty(), "{mails:?}");
        assert_eq!((received.from.as_str(), received.to.as_slice()), (FROM, &[mail.to().to_string()][..]));

        let paths: Vec<_> = fs::read_dir(self.maildir.folder()).expect("the folder").collect();
        let [Ok(path)] = paths.as_slice() else { panic!("{} files", paths.len()) };
        let file = fs::read(path.path()).expect("a file");
        fs::remove_file(path.path()).expect("read once");
        [("over SMTP", Raw(received.message.into_bytes())), ("as a file", Raw(file))]
    }
}
