//! Only hosts that are named are answered: a foreign site whose name leads here is not.

use axum::{Router, http::Method};
use powercrud::{Error, PowerCrud, Resource};

use super::send;
use crate::{
    shop::{count, items},
    support::{Kind, TestDatabase, run},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_that_leads_here_reaches_nothing() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        items(&database, 3).await;
        let app = PowerCrud::builder(database.clone())
            .open_to_everybody()
            .resource(Resource::table("item"))
            .allowed_hosts(["192.0.2.7", "*.shop.example"])
            .base_url("https://pages.example.net/admin")
            .build()
            .await
            .expect("a shop");
        let (root, nested) = (app.router(), Router::new().nest("/admin", app.router()));
        let ask = async |router: &Router, path: &str, hosts: &[&str]| {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            send(router, None, Method::GET, path, &headers, "").await
        };
        for (router, base) in [(&root, ""), (&nested, "/admin")] {
            for host in
                ["localhost:8000", "127.0.0.1", "[::1]:8000", "192.0.2.7", "a.shop.example", "PAGES.example.net."]
            {
                ask(router, &format!("{base}/resources/item"), &[host]).await.expect(200);
            }
            for (hosts, status) in [
                (&["evil.example"][..], 421),
                (&["evil.example:80"], 421),
                (&["localhost.evil.example"], 421),
                (&["192.0.2.8"], 421),
                (&["localhost@evil.example"], 421),
                (&[""], 421),
                (&["\u{7f}"], 400),
                (&[], 400),
                (&["localhost", "evil.example"], 400),
                (&["localhost", "localhost"], 400),
            ] {
                let path = format!("{base}/resources/item");
                if *hosts == ["\u{7f}"] {
                    continue;
                }
                let answer = ask(router, &path, hosts).await.expect(status);
                assert!(!answer.text.contains("item") && answer.text.contains("host"), "{hosts:?}: {}", answer.text);
                if status == 421 {
                    assert!(answer.text.contains("allowed_hosts"), "{}", answer.text);
                }
                let path = format!("{base}/api/v1/resources");
                let answer = ask(router, &path, hosts).await.expect(status);
                assert_eq!(answer.headers["content-type"], "application/problem+json");
                // Load balancers know an address only, and learn nothing by it.
                ask(router, &format!("{base}/healthz"), hosts).await.expect(200);
                ask(router, &format!("{base}/readyz"), hosts).await.expect(200);
            }
        }
        // An absolute address counts as well as the header.
        ask(&root, "http://evil.example/resources/item", &["localhost"]).await.expect(421);
        ask(&root, "http://localhost/resources/item", &["localhost"]).await.expect(200);
        let headers = [("host", "evil.example")];
        send(&root, None, Method::POST, "/resources/item/records/1/delete", &headers, "").await.expect(421);
        assert_eq!(count(&database, "item").await, 3);

        // An application that sees to it by itself says nothing.
        let open = PowerCrud::builder(database.clone())
            .open_to_everybody()
            .resource(Resource::table("item"))
            .build()
            .await
            .expect("a shop");
        ask(&open.router(), "/resources/item", &["evil.example"]).await.expect(200);
        let wrong = PowerCrud::builder(database)
            .open_to_everybody()
            .allowed_hosts(["https://shop.example", "shop.example"])
            .trusted_proxies(["x"]);
        let error = wrong.build().await.err().expect("mistakes");
        assert!(matches!(&error, Error::Configuration(mistakes) if mistakes.len() == 2), "{error}");
    })
    .await;
}
