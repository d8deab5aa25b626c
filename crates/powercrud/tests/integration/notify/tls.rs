//! Encryption, with certificates of this test's own: mail to a real server (aiosmtpd), and a webhook by https.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::Duration,
};

use powercrud::{Builder, Channel, PowerCrud, Resource, Selection, User, bulk::BulkRequest};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{due_now, outbox};
use crate::{
    shop::{items, queue, update, work},
    support::{TestDatabase, each_database, skip},
};

each_database! { [sqlite] mail_goes_encrypted_and_logged_in, a_webhook_goes_by_https_to_whom_it_trusts }

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/integration/notify/tls").join(name)
}

/// A task that writes `note` to each of the items has ended.
async fn ended(app: &PowerCrud, note: &str) {
    let request = update("item", Selection::All, [("note", Some(note))]);
    let user = User::new("ann", "Ann").email("ann@example.org");
    let task = queue(app, BulkRequest { user, ..request }).await;
    work(app, &task).await;
}

/// A mail server of its own process, which ends with it.
struct MailServer {
    port: u16,
    lines: mpsc::Receiver<String>,
    process: Child,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl MailServer {
    /// `None` where there is no Python with aiosmtpd; scripts/test makes one.
    fn start(mode: &str) -> Option<Self> {
        let Some(python) = std::env::var_os("POWERCRUD_TEST_AIOSMTPD") else {
            skip("mail to a real server", "POWERCRUD_TEST_AIOSMTPD names no Python that has aiosmtpd");
            return None;
        };
        let mut process = Command::new(python)
            .arg(file("server.py"))
            .arg(mode)
            .args([file("localhost.pem"), file("localhost.key")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        let (sender, lines) = mpsc::channel();
        // It ends with the process.
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut server = Self { port: 0, lines, process };
        server.port = server.line().parse().expect("its port");
        Some(server)
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("a line in time")
    }

    fn mail(&self) -> Value {
        serde_json::from_str(&self.line()).expect("a mail")
    }
}

fn mailing(database: &TestDatabase, url: String) -> Builder {
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").bulk_async_notification(Channel::Email))
        .base_url("https://shop.example.org")
        .email_url(url)
        .email_from("robot@example.org")
}

async fn mail_goes_encrypted_and_logged_in(database: TestDatabase) {
    items(&database, 30).await;
    for (mode, scheme, query) in
        [("starttls", "smtp", ""), ("starttls", "smtp", "?tls=opportunistic"), ("implicit", "smtps", "")]
    {
        let Some(server) = MailServer::start(mode) else { return };
        let url = |password: &str| format!("{scheme}://shop%40example.org:{password}@localhost:{}{query}", server.port);
        let trusting = mailing(&database, url("p%2Fw%3A%231")).tls_ca_file(file("authority.pem")).build();
        let trusting = trusting.await.expect("a configuration without mistakes");
        // A certificate of nobody known, and a wrong password: both may be mended, so it is tried again.
        let strange = mailing(&database, url("p%2Fw%3A%231")).build().await.expect("no mistakes");
        let wrong =
            mailing(&database, url("s3cret")).tls_ca_file(file("authority.pem")).build().await.expect("no mistakes");
        ended(&trusting, &format!("{mode}{query}")).await;
        for (app, reason) in [(&strange, "certificate"), (&wrong, "535")] {
            assert_eq!(app.deliver_notices().await.expect("a try"), 1);
            let notice = outbox(&database).await.pop().expect("a notice");
            assert!(notice.status == "waiting" && notice.last_error.contains(reason), "{mode}: {}", notice.last_error);
            assert!(!notice.last_error.contains("s3cret"), "{}", notice.last_error);
            due_now(&database).await;
        }
        assert!(trusting.channel_status().await[0].unreachable.is_none(), "{:?}", trusting.channel_status().await);
        assert!(strange.channel_status().await[0].unreachable.is_some());
        assert_eq!(trusting.deliver_notices().await.expect("a try"), 1);
        let mail = server.mail();
        assert_eq!((&mail["encrypted"], &mail["login"]), (&true.into(), &"shop@example.org".into()), "{mode}: {mail}");
        assert_eq!(
            (&mail["from"], &mail["to"]),
            (&"robot@example.org".into(), &serde_json::json!(["ann@example.org"]))
        );
        let data = mail["data"].as_str().expect("a text");
        for part in
            ["Subject: PowerCRUD: 30 items changed.", "text/plain", "text/html", "https://shop.example.org/tasks/"]
        {
            assert!(data.contains(part), "{part:?} is not in {data}");
        }
        assert_eq!(outbox(&database).await.pop().expect("a notice").status, "sent");
    }
    // Who wants encryption gets none of it from a server without: nothing is sent.
    let Some(plain) = MailServer::start("plain") else { return };
    let app = mailing(&database, format!("smtp://localhost:{}", plain.port)).build().await.expect("no mistakes");
    ended(&app, "plain").await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.pop().expect("a notice");
    assert!(notice.status == "waiting" && notice.last_error.contains("STARTTLS"), "{}", notice.last_error);
}

async fn a_webhook_goes_by_https_to_whom_it_trusts(database: TestDatabase) {
    items(&database, 30).await;
    let certificate = CertificateDer::from_pem_file(file("localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("localhost.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate that fits its key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust it hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap_or(0);
            let is_post = head[..length].starts_with(b"POST /hook HTTP/1.1\r\n");
            let answer = if is_post { "HTTP/1.1 204 No Content\r\n\r\n" } else { "HTTP/1.1 400 Bad Request\r\n\r\n" };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    let build = |host: &str| {
        PowerCrud::builder(database.clone())
            .open_to_everybody()
            .resource(Resource::table("item").bulk_async_notification(Channel::Callback))
            .webhook_url(format!("https://{host}:{port}/hook"))
            .webhook_secret(super::webhook::SECRET)
            .webhook_allow_private(true)
    };
    let strange = build("localhost").build().await.expect("a configuration without mistakes");
    ended(&strange, "a first time").await;
    assert_eq!(strange.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert!(notice.status == "waiting" && notice.last_error.contains("can't be trusted"), "{}", notice.last_error);
    for (tries, host) in ["localhost", "127.0.0.1"].into_iter().enumerate() {
        if tries > 0 {
            ended(&strange, "a second time").await;
        }
        due_now(&database).await;
        let trusting = build(host).tls_ca_file(file("authority.pem")).build().await.expect("no mistakes");
        assert_eq!(trusting.deliver_notices().await.expect("a try"), 1);
        let notice = outbox(&database).await.pop().expect("a notice");
        assert_eq!((notice.status.as_str(), notice.last_error.as_str()), ("sent", ""));
    }
}
