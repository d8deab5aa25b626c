//! Guessing passwords: nobody is kept out by a stranger, and nobody waits for one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{Method, request::Parts},
};
use powercrud::{
    PowerCrud, Settings, User,
    account::{self, NewAccount},
    audit,
    token::Scope,
};

use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _, Query},
};

use super::{Answer, send};
use crate::{
    api::token_of,
    shop::{count, items},
    support::{Kind, TestDatabase, each_database, run},
};

each_database! { an_own_login_is_asked_once_a_request, a_stranger_keeps_nobody_out, another_password_ends_tokens, a_token_needs_the_password_again }

const PASSWORD: &str = "correct horse";

async fn open(database: &TestDatabase, settings: Settings) -> PowerCrud {
    items(database, 3).await;
    let builder = PowerCrud::builder(database.clone()).all_settings(Settings { discover: true, ..settings });
    let app = builder.login().build().await.expect("an application");
    for name in ["ann", "bob"] {
        let new = NewAccount { name: name.into(), email: None, password: PASSWORD.into(), is_staff: true };
        account::create(database, &User::operator(), new).await.expect("a user");
    }
    app
}

/// A user of an application's own.
struct Customer {
    number: i32,
    name: String,
}

impl From<Customer> for User {
    fn from(customer: Customer) -> Self {
        User::new(customer.number.to_string(), customer.name)
    }
}

/// The customer whose session it is, as the application's own table says.
async fn customer(database: TestDatabase, session: Option<String>) -> Option<Customer> {
    let mut select = Query::select();
    select.columns(["number", "name"]).from("customer").and_where(Expr::col("session").eq(session?));
    let row = database.connection().query_one(&select).await.expect("an answer")?;
    let (number, name) = (row.try_get_by_index(0).expect("a number"), row.try_get_by_index(1).expect("a name"));
    Some(Customer { number, name })
}

async fn an_own_login_is_asked_once_a_request(database: TestDatabase) {
    items(&database, 3).await;
    database
        .execute(
            "CREATE TABLE customer (number integer PRIMARY KEY, name varchar(40) NOT NULL, session varchar(40) NOT NULL);
             INSERT INTO customer VALUES (7, 'Ann', 's7');",
        )
        .await;
    let asked = Arc::new(AtomicU64::new(0));
    let hook = {
        let (database, asked) = (database.clone(), Arc::clone(&asked));
        move |head: Parts| {
            asked.fetch_add(1, Ordering::Relaxed);
            let session = head.headers.get("x-session").and_then(|value| value.to_str().ok()).map(str::to_owned);
            customer(database.clone(), session)
        }
    };
    let app =
        PowerCrud::builder(database.clone()).discover(true).user_async(hook).build().await.expect("an application");
    let router = app.router();
    let get = |path: &'static str, headers: &'static [(&'static str, &'static str)]| {
        let router = router.clone();
        async move { send(&router, None, Method::GET, path, headers, "").await }
    };
    for path in ["/", "/resources/item", "/api/v1/resources/item/records"] {
        for headers in [&[][..], &[("x-session", "s8")]] {
            let answer = get(path, headers).await.expect(401);
            assert!(!answer.text.contains("item 1"), "{path}: {}", answer.text);
        }
    }
    assert_eq!(asked.swap(0, Ordering::Relaxed), 6);
    let known: &[_] = &[("x-session", "s7")];
    let page = get("/resources/item", known).await.expect(200);
    assert!(page.text.contains("item 1") && page.text.contains("Ann"), "{}", page.text);
    let answer = get("/api/v1/resources/item/records", known).await.expect(200);
    assert!(answer.text.contains("item 1"), "{}", answer.text);
    get("/healthz", &[]).await.expect(200);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once for each request that needs to know");
    let done = send(&router, None, Method::POST, "/resources/item/records/1/edit", known, "note=changed").await;
    done.expect(303);
    let entries = audit::list(&app, &User::operator(), &audit::AuditFilter::default()).await.expect("the audit trail");
    assert_eq!(entries[0].user_id.as_deref(), Some("7"));
}

async fn sign_in(router: &Router, from: &str, headers: &[(&str, &str)], name: &str, password: &str) -> Answer {
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    send(router, Some(from), Method::POST, "/login", headers, &form).await
}

fn session(answer: &Answer) -> String {
    answer.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a pair").to_owned()
}

async fn a_stranger_keeps_nobody_out(database: TestDatabase) {
    let settings = Settings { trusted_proxies: vec!["10.0.0.1".into()], ..Settings::default() };
    let router = open(&database, settings).await.router();
    let (stranger, own) = ("198.51.100.7:4000", "203.0.113.5:4000");
    for _ in 0..5 {
        sign_in(&router, stranger, &[], "ann", "wrong horse").await.expect(422);
    }
    sign_in(&router, stranger, &[], "ann", PASSWORD).await.expect(429);
    // The header of whom nobody trusts does not make another of him.
    sign_in(&router, stranger, &[("x-forwarded-for", "203.0.113.5")], "ann", PASSWORD).await.expect(429);
    sign_in(&router, own, &[], "ann", PASSWORD).await.expect(303);
    // Through a proxy that is trusted each client counts by itself; what a client says before the proxy does not.
    let proxy = "10.0.0.1:9000";
    sign_in(&router, proxy, &[("x-forwarded-for", "198.51.100.7")], "ann", PASSWORD).await.expect(429);
    sign_in(&router, proxy, &[("x-forwarded-for", "203.0.113.5, 198.51.100.7")], "ann", PASSWORD).await.expect(429);
    sign_in(&router, proxy, &[("x-forwarded-for", "198.51.100.7, 203.0.113.6")], "ann", PASSWORD).await.expect(303);
    // Another password from elsewhere ends the wait everywhere.
    account::set_password(&database, &User::operator(), "ann", "another horse").await.expect("a password");
    sign_in(&router, stranger, &[], "ann", "another horse").await.expect(303);
    // One password for every name, from one address, ends too.
    let mut refused = 0;
    for number in 0..120 {
        let status = sign_in(&router, stranger, &[], &format!("name{number}"), PASSWORD).await.status;
        refused += usize::from(status == 429);
    }
    assert!(refused >= 15, "{refused}");
    sign_in(&router, own, &[], "ann", "another horse").await.expect(303);
}

async fn another_password_ends_tokens(database: TestDatabase) {
    let app = open(&database, Settings::default()).await;
    let router = app.router();
    let ann: User = account::find(&database, "ann").await.expect("ann").into();
    let bob: User = account::find(&database, "bob").await.expect("bob").into();
    let bobs = token_of(&app, bob, &[Scope::Read]).await;
    let good = async |token: &str| {
        let header = format!("Bearer {token}");
        send(&router, None, Method::GET, "/api/v1/tasks", &[("authorization", &header)], "").await.status == 200
    };
    let change = async |old: &str, new: &str, more: &str| {
        let answer = sign_in(&router, "127.0.0.1:1", &[], "ann", old).await.expect(303);
        let cookie = session(&answer);
        let cookies = [("cookie", cookie.as_str())];
        let page = send(&router, None, Method::GET, "/account", &cookies, "").await.expect(200).text;
        let form = format!("old_password={old}&password={new}&again={new}{more}").replace(' ', "+");
        send(&router, None, Method::POST, "/account", &cookies, &form).await.expect(303);
        page
    };
    let token = token_of(&app, ann.clone(), &[Scope::Read]).await;
    assert!(change(PASSWORD, "second horse", "").await.contains("name=\"end_tokens\""), "it is offered");
    assert!(good(&token).await, "it was not asked for");
    change("second horse", "third horse", "&end_tokens=1").await;
    assert!(!good(&token).await);
    assert!(!change("third horse", "fourth horse", "").await.contains("name=\"end_tokens\""), "there is none to end");
    // Somebody else who gives a user a password means it.
    let token = token_of(&app, ann, &[Scope::Read]).await;
    account::set_password(&database, &User::operator(), "ann", "fifth horse").await.expect("a password");
    assert!(!good(&token).await && good(&bobs).await);
}

async fn a_token_needs_the_password_again(database: TestDatabase) {
    let settings = Settings { secure_cookies: true, ..Settings::default() };
    let router = open(&database, settings).await.router();
    let answer = sign_in(&router, "127.0.0.1:1", &[], "ann", PASSWORD).await.expect(303);
    let cookie = session(&answer);
    let cookies = [("cookie", cookie.as_str())];
    let page = send(&router, None, Method::GET, "/tokens/new", &cookies, "").await.expect(200).text;
    assert!(page.contains("name=\"old_password\""), "{page}");
    for (password, status) in [("", 422), ("wrong+horse", 422), ("correct+horse", 200)] {
        let form = format!("name=night&scope=read&expires=30&old_password={password}");
        let told = send(&router, None, Method::POST, "/tokens", &cookies, &form).await.expect(status).text;
        assert_eq!(told.contains("not your password"), status == 422, "{told}");
    }
    assert_eq!(count(&database, "powercrud_api_token").await, 1);
    // Every cookie goes by https only where that is said.
    let ticked = send(&router, None, Method::POST, "/resources/item/selection", &cookies, "action=add&key=1").await;
    for set in answer.headers.get_all("set-cookie").iter().chain(ticked.headers.get_all("set-cookie")) {
        let set = set.to_str().expect("text");
        assert!(set.contains("; Secure") && set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    }
    assert!(ticked.headers.contains_key("set-cookie"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bogus_sign_ins_don_t_delay_a_real_one() {
    run(Kind::Sqlite, |database: TestDatabase| async move {
        let router = open(&database, Settings::default()).await.router();
        let real = async || {
            let begun = Instant::now();
            sign_in(&router, "127.0.0.1:1", &[], "ann", PASSWORD).await.expect(303);
            begun.elapsed()
        };
        let alone = real().await.max(Duration::from_millis(20));
        let bogus: Vec<_> = (0..120)
            .map(|number| {
                let router = router.clone();
                tokio::spawn(async move {
                    sign_in(&router, "127.0.0.1:2", &[], &format!("nobody{number}"), "wrong horse").await.status
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let crowded = real().await;
        let open = bogus.iter().filter(|one| !one.is_finished()).count();
        for one in bogus {
            assert_eq!(one.await.expect("an answer"), 422);
        }
        // 120 hashes on two places would take sixty times as long. What is left is the database's.
        eprintln!("alone {alone:?}, crowded {crowded:?}, {open} bogus ones still open");
        assert!(crowded < alone * 20 + Duration::from_secs(2), "alone {alone:?}, crowded {crowded:?}");
    })
    .await;
}
