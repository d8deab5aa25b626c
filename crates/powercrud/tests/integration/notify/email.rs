//! Mail: its parts, its words, its failures, and what can't be smuggled into it.

use powercrud::{
    Builder, Channel, PowerCrud, Resource, Selection, User,
    bulk::BulkRequest,
    task::{BulkTask, Status},
};

use super::{
    due_now, notices, outbox,
    sink::{Failing, Sink},
};
use crate::{
    shop::{items, queue, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! { mail_arrives_in_two_forms, errors_are_summarised }

each_database! {
    [sqlite]
    a_passing_failure_passes,
    a_refused_recipient_is_not_tried_again,
    a_mail_that_may_have_arrived_is_known_as_the_same,
    nothing_is_smuggled_into_the_head,
    without_an_address_it_says_so,
    templates_are_replaced,
}

fn mailing(database: &TestDatabase, sink: &Sink) -> Builder {
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .all_settings(super::eager())
        .title("The shop")
        .resource(Resource::table("item").bulk_async_notification(Channel::Email))
        .base_url("https://shop.example.org/admin")
        .email_url(sink.url())
        .email_from("Shop robot <robot@example.org>")
}

async fn app(database: &TestDatabase, sink: &Sink) -> PowerCrud {
    items(database, 40).await;
    mailing(database, sink).build().await.expect("a configuration without mistakes")
}

fn ann() -> User {
    User::new("ann", "Ann").email("ann@example.org")
}

/// A task that a user submitted, carried out.
async fn ended(app: &PowerCrud, user: User, request: BulkRequest) -> BulkTask {
    let task = queue(app, BulkRequest { user, ..request }).await;
    work(app, &task).await
}

fn all(note: &str) -> BulkRequest {
    update("item", Selection::All, [("note", Some(note))])
}

async fn mail_arrives_in_two_forms(database: TestDatabase) {
    let sink = Sink::start([]).await;
    let app = app(&database, &sink).await;
    let task = ended(&app, ann(), all("<b>now</b>")).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let [mail] = sink.mails().try_into().unwrap_or_else(|mails: Vec<_>| panic!("{} mails", mails.len()));
    assert!(mail.from.starts_with("MAIL FROM:<robot@example.org>"), "{}", mail.from);
    assert_eq!(mail.to, ["RCPT TO:<ann@example.org>"]);
    assert_eq!(mail.header("From"), "\"Shop robot\" <robot@example.org>");
    assert_eq!(mail.header("To"), "Ann <ann@example.org>");
    assert_eq!(mail.header("Subject"), "The shop: 40 items changed.");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"));
    let href = format!("https://shop.example.org/admin/tasks/{}", task.id);
    for (kind, change) in [("text/plain", "Note → <b>now</b>"), ("text/html", "Note → &lt;b&gt;now&lt;/b&gt;")] {
        let part = mail.part(kind);
        for expected in ["Hello Ann", "40 items changed.", change, &href, "The shop"] {
            assert!(part.contains(expected), "{expected:?} is not in {part}");
        }
        assert!(!part.contains("What failed"), "{part}");
    }
}

/// Makes the rows from 11 on refuse the note "x".
fn refuse_some(kind: Kind) -> &'static str {
    match kind {
        Kind::Mysql => {
            "CREATE TRIGGER refuse BEFORE UPDATE ON item FOR EACH ROW PRECEDES count_item BEGIN IF OLD.id > 10 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no <x> here'; END IF; END;"
        }
        Kind::Postgres => {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id > 10 THEN RAISE EXCEPTION 'no <x> here'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION refuse();"
        }
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE UPDATE ON item WHEN OLD.id > 10 BEGIN SELECT RAISE(ABORT, 'no <x> here'); END;"
        }
    }
}

async fn errors_are_summarised(database: TestDatabase) {
    let sink = Sink::start([]).await;
    let app = app(&database, &sink).await;
    database.execute(refuse_some(database.kind)).await;
    let task = ended(&app, ann(), all("x")).await;
    assert_eq!((task.status, task.failed_records), (Status::Partial, 30));
    app.deliver_notices().await.expect("a try");
    let mail = sink.mails().remove(0);
    assert_eq!(mail.header("Subject"), "The shop: 10 of 40 items changed, 30 failed.");
    let text = mail.part("text/plain");
    assert_eq!(text.matches("no <x> here").count(), 10, "{text}");
    assert!(text.contains("- 11: ") && text.contains("- and 20 more"), "{text}");
    let html = mail.part("text/html");
    assert_eq!(html.matches("no &lt;x&gt; here").count(), 10, "{html}");
    assert!(html.contains("and 20 more"), "{html}");
}

async fn a_passing_failure_passes(database: TestDatabase) {
    let sink = Sink::start([Failing::Recipient("450 4.2.0 try again later"), Failing::Greeting]).await;
    let app = app(&database, &sink).await;
    ended(&app, ann(), all("x")).await;
    for reason in ["450: try again later", ""] {
        assert_eq!(app.deliver_notices().await.expect("a try"), 1);
        let notice = outbox(&database).await.remove(0);
        assert_eq!(notice.status, "waiting");
        let plain = notice.last_error.replace("4.2.0 ", "").replace("(450)", "450");
        assert!(plain.contains(reason) && !plain.is_empty(), "{}", notice.last_error);
        due_now(&database).await;
    }
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    assert_eq!(outbox(&database).await.remove(0).status, "sent");
    assert_eq!(sink.mails().len(), 1);
}

async fn a_refused_recipient_is_not_tried_again(database: TestDatabase) {
    let sink = Sink::start([Failing::Recipient("550 5.1.1 nobody of that name")]).await;
    let app = app(&database, &sink).await;
    ended(&app, ann(), all("x")).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts), ("failed", 1));
    assert!(notice.last_error.contains("nobody of that name"), "{}", notice.last_error);
    due_now(&database).await;
    assert_eq!(app.deliver_notices().await.expect("a look"), 0);
    assert_eq!(sink.mails().len(), 0);
}

async fn a_mail_that_may_have_arrived_is_known_as_the_same(database: TestDatabase) {
    let sink = Sink::start([Failing::AfterData]).await;
    let app = app(&database, &sink).await;
    ended(&app, ann(), all("x")).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    assert_eq!(outbox(&database).await.remove(0).status, "waiting");
    due_now(&database).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let ids: Vec<_> = sink.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0].ends_with("@example.org>"), "{}", ids[0]);
}

async fn nothing_is_smuggled_into_the_head(database: TestDatabase) {
    let sink = Sink::start([]).await;
    items(&database, 40).await;
    let item = Resource::table("item")
        .label_plural("items\r\nBcc: eve@example.org\r\n\r\nhello")
        .bulk_async_notification(Channel::Email);
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(item)
        .title("The shop\r\nBcc: eve@example.org")
        .base_url("https://shop.example.org")
        .email_url(sink.url())
        .email_from("robot@example.org");
    let app = app.build().await.expect("a configuration without mistakes");
    let name = "Ann\r\nBcc: eve@example.org\r\n\r\nhello";
    ended(&app, User::new("ann", name).email("ann@example.org"), all("x\r\n.\r\nMAIL FROM:<eve@example.org>")).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let address = "ann@example.org\r\nBcc: eve@example.org";
    ended(&app, User::new("ann", "Ann").email(address), all("y")).await;
    ended(&app, User::new("ann", "Ann").email("ann@example.org, eve@example.org"), all("z")).await;
    assert_eq!(app.deliver_notices().await.expect("a look"), 0, "these are no addresses");
    let [mail] = sink.mails().try_into().unwrap_or_else(|mails: Vec<_>| panic!("{} mails", mails.len()));
    assert_eq!(mail.to, ["RCPT TO:<ann@example.org>"]);
    let head = mail.data.split("\r\n\r\n").next().expect("a head");
    assert!(!head.to_lowercase().contains("\r\nbcc"), "{head}");
    // There is one of each, so that nothing began a second head.
    for name in ["Subject", "To", "From", "Message-ID", "Date", "MIME-Version"] {
        mail.header(name);
    }
}

async fn without_an_address_it_says_so(database: TestDatabase) {
    let sink = Sink::start([]).await;
    let app = app(&database, &sink).await;
    ended(&app, User::new("bob", "Bob"), all("x")).await;
    assert_eq!(notices(&database).await, [super::notice("email", "bob", "skipped")]);
    assert_eq!(outbox(&database).await.remove(0).last_error, "Bob has no email address");
    assert_eq!(app.deliver_notices().await.expect("a look"), 0);
}

async fn templates_are_replaced(database: TestDatabase) {
    let sink = Sink::start([]).await;
    items(&database, 40).await;
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mail-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let html =
        "{% extends \"!email.html\" %}{% block content %}<p>Ours: {{ mail.outcome }}</p>{{ super() }}{% endblock %}";
    std::fs::write(folder.join("email.html"), html).expect("a template");
    std::fs::write(folder.join("email_subject.txt"), "Done & <dusted>:\n{{ mail.succeeded }}\n").expect("a template");
    let settings = powercrud::Settings { templates_dir: Some(folder.clone()), ..super::eager() };
    let builder =
        mailing(&database, &sink).all_settings(settings).base_url("https://shop.example.org").email_url(sink.url());
    let app = builder.email_from("robot@example.org").build().await.expect("a configuration without mistakes");
    ended(&app, ann(), all("x")).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let mail = sink.mails().remove(0);
    assert_eq!(mail.header("Subject"), "Done & <dusted>: 40");
    let html = mail.part("text/html");
    assert!(html.contains("Ours: 40 items changed.") && html.contains("Hello Ann"), "{html}");
    assert!(mail.part("text/plain").contains("Hello Ann"));
    // A template that can't be rendered is a failure like any other, and says which it was.
    std::fs::write(folder.join("email.txt"), "{{ mail.outcome ").expect("a template");
    ended(&app, ann(), all("y")).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let last = outbox(&database).await.pop().expect("a notice");
    assert!(last.status == "waiting" && last.last_error.contains("email.txt"), "{}", last.last_error);
    std::fs::remove_dir_all(folder).expect("it goes");
}
