//! Mail to who submitted a task.
//!
//! Its words are in the templates `email_subject.txt`, `email.txt` and `email.html`, which a folder of templates replaces as it does
//! pages. Header values are made by lettre from checked parts: addresses are parsed, the subject is one line without control characters.

mod server;

use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::{
    Address as EmailAddress, AsyncTransport as _, Message,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
};
use serde::Serialize;

use crate::templates::Templates;
use powercrud_engine::{
    Engine,
    notify::{Address, ErrorLine, Failure, Notice, Notifier, Summary},
    resource::grouped,
};

pub(super) use server::Server;

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 200;

/// Sends mail.
pub(super) struct Email {
    pub(super) server: Server,
    pub(super) from: Mailbox,
    pub(super) templates: Templates,
}

/// What the templates get, as `mail`.
#[derive(Serialize)]
struct MailView {
    /// The name of these pages.
    title: String,
    /// How the task ended, in a sentence.
    outcome: String,
    /// `success`, `warning` or `error`.
    level: &'static str,
    /// What an update did, one phrase a field.
    changes: Vec<String>,
    /// The name of who submitted it.
    user: String,
    /// The task's page.
    href: Option<String>,
    succeeded: String,
    failed: String,
    not_attempted: String,
    /// The first ten errors.
    errors: Vec<ErrorLine>,
    /// "and 1,204 more", or nothing.
    more_errors: String,
    /// Why it stopped before its end, where it did.
    error_message: String,
}

impl Email {
    async fn message(&self, engine: &Engine, notice: &Notice) -> Result<Message, Failure> {
        let to: EmailAddress =
            notice.recipient.parse().map_err(|_| Failure::lasting("the email address is not valid"))?;
        let summary = Summary::of(engine, notice.task_id).await?;
        let task = &summary.task;
        let user = one_line(task.user_name.as_deref().unwrap_or_default());
        #[derive(Serialize)]
        struct Context {
            mail: MailView,
        }
        let context = Context {
            mail: MailView {
                title: engine.settings().title.clone(),
                outcome: summary.outcome.clone(),
                level: summary.level,
                changes: summary.changes.clone(),
                user: user.clone(),
                href: summary.href.clone(),
                succeeded: grouped(task.succeeded_records),
                failed: grouped(task.failed_records),
                not_attempted: grouped(task.unattempted_records()),
                errors: summary.error_lines(),
                more_errors: summary.more_in_words(),
                error_message: task.error_message.clone(),
            },
        };
        let subject = one_line(&self.templates.render("email_subject.txt", &context)?);
        let text = self.templates.render("email.txt", &context)?;
        let html = self.templates.render("email.html", &context)?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new((!user.is_empty()).then_some(user), to))
            .subject(subject.chars().take(LONGEST_SUBJECT).collect::<String>())
            // The same at each try, so that a mail that arrives twice is known to be one.
            .message_id(Some(format!("<{}@{}>", notice.id, self.from.email.domain())))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| Failure::lasting(format!("the mail can't be written: {error}")))
    }
}

impl Notifier for Email {
    fn address(&self) -> Address {
        Address::EMAIL
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let message = self.message(engine, notice).await?;
            match self.server.transport().send(message).await {
                Ok(_) => Ok(()),
                // 5xx: the server will say the same again. That it does not know us may be mended by the operator.
                Err(error) if error.is_permanent() && !is_about_us(&error) => {
                    Err(Failure::lasting(server::in_words(&error)))
                }
                Err(error) => Err(Failure::passing(server::in_words(&error))),
            }
        })
    }

    fn endpoint(&self) -> Option<String> {
        Some(format!("{}, from {}", self.server, self.from))
    }

    fn health_check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            match self.server.transport().test_connection().await {
                Ok(true) => Ok(()),
                Ok(false) => Err("it does not answer".to_owned()),
                Err(error) => Err(server::in_words(&error)),
            }
        })
    }
}

/// 530, 534, 535 and 538 are about the login.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538))
}

/// Whitespace of any kind becomes one blank, control characters go.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Tells other programs not to answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_typed_is_one_line() {
        assert_eq!(one_line("Ann\r\nBcc: eve@example.org"), "Ann Bcc: eve@example.org");
        assert_eq!(one_line("\n a\u{0}\tb \u{2028}c\n"), "a b c");
        for address in ["ann@example.org\r\nBcc: eve@example.org", "ann@example.org>, <eve@example.org", "ann", ""] {
            assert!(address.parse::<EmailAddress>().is_err(), "{address:?}");
        }
    }
}
