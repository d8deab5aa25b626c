//! Webhooks: signed as the specification says, and never a way into a private network.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use powercrud::{Channel, PowerCrud, Resource, Selection, User, bulk::BulkRequest};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    due_now, outbox,
    receiver::{Answer, Receiver},
    webhook_app,
};
use crate::{
    shop::{items, queue, update, work},
    support::{TestDatabase, each_database},
};

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

each_database! { a_post_is_signed_and_tells_of_the_task }

each_database! { [sqlite] gone_is_the_end, private_addresses_are_refused, nothing_listens }

/// HMAC-SHA256 by its definition (RFC 2104), and not by the library's means.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64, "longer keys are hashed first");
    let padded = |pad: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ pad).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

fn task_by_ann(note: &str) -> BulkRequest {
    let request = update("item", Selection::All, [("note", Some(note))]);
    BulkRequest { user: User::new("ann", "Ann"), ..request }
}

async fn a_post_is_signed_and_tells_of_the_task(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([]).await;
    let app = webhook_app(&database, &receiver).await;
    let task = queue(&app, task_by_ann("x → y")).await;
    let task = work(&app, &task).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let request = receiver.received().remove(0);
    assert_eq!(request.path, "/hooks/t0ken?shop=1");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("host"), receiver.address.to_string());

    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let signed = format!("{id}.{timestamp}.{}", request.body);
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").expect("its mark")).expect("base64");
    let expected = format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())));
    assert_eq!(request.header("webhook-signature"), expected);
    let seconds = std::time::UNIX_EPOCH.elapsed().expect("a time").as_secs() as i64;
    let timestamp: i64 = timestamp.parse().expect("seconds");
    assert!((seconds - 60..=seconds + 60).contains(&timestamp), "{timestamp} is not about now, {seconds}");

    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!(body["type"], "bulk_task.ended");
    let data = &body["data"];
    assert_eq!(data["id"], task.id.to_string());
    assert_eq!(data["url"], format!("https://shop.example.org/admin/tasks/{}", task.id));
    assert_eq!((&data["status"], &data["total_records"]), (&"SUCCESS".into(), &30.into()));
    assert_eq!((&data["outcome"], &data["user"]["name"]), (&"30 items changed.".into(), &"Ann".into()));
    assert_eq!((&data["errors"], &data["more_errors"]), (&serde_json::json!([]), &0.into()));
}

async fn gone_is_the_end(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([Answer::Status(410)]).await;
    let app = webhook_app(&database, &receiver).await;
    let task = queue(&app, task_by_ann("x")).await;
    work(&app, &task).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert_eq!((notice.status.as_str(), notice.attempts), ("failed", 1));
    assert!(notice.last_error.contains("410"), "{}", notice.last_error);
    due_now(&database).await;
    assert_eq!(app.deliver_notices().await.expect("a look"), 0);
}

async fn private_addresses_are_refused(database: TestDatabase) {
    items(&database, 30).await;
    let receiver = Receiver::start([]).await;
    let build = |url: String| {
        PowerCrud::builder(database.clone())
            .open_to_everybody()
            .resource(Resource::table("item").bulk_async_notification(Channel::Callback))
            .webhook_url(url)
            .webhook_secret(SECRET)
    };
    // Written as an address it is a mistake, however it is written.
    for host in
        ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.7", "[fd00::1]"]
    {
        let url = format!("http://{host}:{}/", receiver.address.port());
        let mistakes = build(url).build().await.err().unwrap_or_else(|| panic!("{host} was taken")).to_string();
        assert!(mistakes.contains("webhook_url: ") && mistakes.contains("webhook_allow_private"), "{mistakes}");
    }
    // A name is looked up at each try, and where it leads is what counts.
    let url = format!("http://localhost:{}/hook", receiver.address.port());
    let app = build(url).build().await.expect("a name says nothing yet");
    let task = queue(&app, task_by_ann("x")).await;
    work(&app, &task).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert_eq!(notice.status, "waiting");
    assert!(notice.last_error.contains("localhost leads to"), "{}", notice.last_error);
    assert!(
        app.channel_status().await[0].unreachable.as_ref().is_some_and(|why| why.contains("webhook_allow_private"))
    );
    assert_eq!(receiver.received().len(), 0, "nothing was sent");
    // With leave it arrives.
    let url = format!("http://localhost:{}/hook", receiver.address.port());
    let app = build(url).webhook_allow_private(true).build().await.expect("allowed");
    due_now(&database).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    assert_eq!(receiver.received().len(), 1);
}

async fn nothing_listens(database: TestDatabase) {
    items(&database, 30).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let app = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").bulk_async_notification(Channel::Callback))
        .webhook_url(format!("http://{free}/t0ken"))
        .webhook_secret(SECRET)
        .webhook_allow_private(true);
    let app = app.build().await.expect("a configuration without mistakes");
    let task = queue(&app, task_by_ann("x")).await;
    work(&app, &task).await;
    assert_eq!(app.deliver_notices().await.expect("a try"), 1);
    let notice = outbox(&database).await.remove(0);
    assert!(notice.last_error.contains("can't be reached"), "{}", notice.last_error);
    assert!(!notice.last_error.contains("t0ken"), "the path may be a secret: {}", notice.last_error);
}
