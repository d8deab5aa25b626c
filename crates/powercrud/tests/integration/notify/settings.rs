//! What is wrong with the settings is said all at once, with what is allowed and without secrets.

use powercrud::{Channel, PowerCrud, Resource};

use crate::{
    shop::items,
    support::{TestDatabase, each_database},
};

each_database! { [sqlite] every_mistake_is_told_at_once, what_is_chosen_needs_its_means }

fn check(error: Option<powercrud::Error>, parts: &[&str]) {
    let text = error.expect("mistakes").to_string();
    assert!(text.contains(&format!("{} mistake", parts.len())), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

async fn every_mistake_is_told_at_once(database: TestDatabase) {
    items(&database, 3).await;
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(Resource::table("item").list_fields(["nmae"]))
        .base_url("shop.example.org?a=1")
        .email_url("ftp://ann:s3cret@mail.example.org")
        .email_from("The shop")
        .webhook_url("https://ann:s3cret@hooks.example.org/s3cret")
        .webhook_secret("s3cret")
        .tls_ca_file("/not/there.pem");
    check(
        builder.build().await.err(),
        &[
            "resources.item.list_fields",
            "base_url: \"shop.example.org?a=1\" is not allowed; allowed is where people reach",
            "email_url: ftp: is not allowed; allowed is smtps://",
            "email_from: \"The shop\" is not allowed; allowed is an address such as",
            "webhook_url: a user and password are not sent",
            "webhook_secret: it does not begin with whsec_; allowed is",
            "tls_ca_file: /not/there.pem can't be read",
        ],
    );
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .email_url("smtp://mail")
        .webhook_url("https://hooks.example.org");
    check(
        builder.build().await.err(),
        &["email_from: is missing", "base_url: is missing", "webhook_secret: is missing"],
    );
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .email_from("a@example.org\r\nBcc: b@example.org")
        .webhook_secret("s3cret");
    check(builder.build().await.err(), &["email_from: without email_url", "webhook_secret: without webhook_url"]);
}

async fn what_is_chosen_needs_its_means(database: TestDatabase) {
    items(&database, 3).await;
    let item = Resource::table("item").bulk_async_notification([Channel::Email, Channel::Callback]);
    check(
        PowerCrud::builder(database.clone()).open_to_everybody().resource(item).build().await.err(),
        &[
            "resources.item.bulk_async_notification: \"email\" needs email_url",
            "resources.item.bulk_async_notification: \"callback\" needs webhook_url",
        ],
    );
    // For all at once it is said once.
    let builder =
        PowerCrud::builder(database.clone()).open_to_everybody().discover(true).bulk_async_notification(Channel::Email);
    check(builder.build().await.err(), &["bulk_async_notification: \"email\" needs email_url"]);
}
