//! Signing in with a name and password, and what it keeps from whom.

use std::time::Duration;

use axum::Router;
use powercrud::{
    Error, LoginMode, PowerCrud, Settings, User,
    account::{self, NewAccount},
};

use super::{browser::Browser, shop};
use crate::{
    shop::count,
    support::{Kind, TestDatabase, each_database, run},
};

each_database! {
    people_sign_in_and_out, sessions_end_with_the_right_to_them, guessing_is_slowed_down, users_see_only_their_own_tasks,
    names_are_taken_once
}

const PASSWORD: &str = "correct horse";

pub(crate) async fn add(database: &TestDatabase, name: &str, is_staff: bool) {
    let new = NewAccount { name: name.into(), email: None, password: PASSWORD.into(), is_staff };
    account::create(database, &User::operator(), new).await.expect("a user");
}

/// A shop that asks for login, with the user ann, who is staff, and the users bob and cid.
async fn open(database: &TestDatabase) -> PowerCrud {
    shop(database).await;
    let app = PowerCrud::builder(database.clone()).discover(true).login().build().await.expect("a shop");
    for (name, is_staff) in [("ann", true), ("bob", false), ("cid", false)] {
        add(database, name, is_staff).await;
    }
    app
}

/// Signs in, and fails where that does not lead to a page.
pub(crate) async fn signed_in(app: &PowerCrud, name: &str) -> Browser {
    let mut browser = Browser::new(app.router());
    let form = format!("name={name}&password=correct+horse");
    assert_eq!(browser.post("/login", &form).await.location(), "/");
    browser.get("/").await.expect(200).holds(&[name]);
    browser
}

async fn people_sign_in_and_out(database: TestDatabase) {
    let app = open(&database).await;
    let mut browser = Browser::new(Router::new().nest("/admin", app.router()));
    // Whoever is nobody is led to the login page and comes back from there.
    let login = browser.get("/admin/resources/book?q=Book+01").await.location();
    assert_eq!(login, "/admin/login?next=%2Fadmin%2Fresources%2Fbook%3Fq%3DBook%2B01");
    let page = browser.get(&login).await.expect(200).lacks(&["Book 01", "Books", "Tasks"]);
    let next = page.hidden("next");
    let htmx = browser.with("hx-request", "true").with("hx-current-url", "http://shop.example/admin/tasks");
    let answer = htmx.clone().get("/admin/tasks/badge").await.expect(401);
    // A page stays as it is, and opens a dialog to sign in.
    assert_eq!((answer.header("hx-retarget"), answer.header("hx-redirect")), ("#sign-in-box", ""));
    answer.holds(&["type=\"password\"", "action=\"/admin/login\"", "name=\"next\" value=\"/admin/tasks\""]);
    let lost = browser.post("/admin/resources/book/new", "title=x").await.location();
    assert_eq!(lost, "/admin/login?lost=1");
    browser.get(&lost).await.expect(200).holds(&["nothing was saved"]).lacks(&["title=x"]);
    browser.with("accept", "application/json").get("/admin/resources/book").await.expect(401);
    // A wrong password and a name that nobody has are told alike.
    let told = async |form: &str| {
        let answer = browser.clone().post("/admin/login", form).await.expect(422);
        assert_eq!(answer.header("set-cookie"), "");
        answer.text.split_once("role=\"alert\"").expect("an alert").1.split_once("<input").expect("a form").0.to_owned()
    };
    assert_eq!(told("name=ann&password=wrong+horse").await, told("name=nobody&password=correct+horse").await);
    assert_eq!(told("name=&password=").await, told("name=ann&password=").await);
    // Signed in, by the name in any case.
    let answer = browser.post("/admin/login", &format!("name=Ann&password=correct+horse&next={next}")).await;
    assert_eq!(answer.location(), "/admin/resources/book?q=Book+01");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/admin; HttpOnly; SameSite=Lax"), "{cookie}");
    browser.get("/admin/resources/book?q=Book+01").await.expect(200).holds(&["Book 01", "ann", "/admin/logout"]);
    assert_eq!(browser.get("/admin/login?next=/admin/tasks").await.location(), "/admin/tasks");
    // Another login is another session, and ends the one before.
    let first = browser.clone();
    browser.post("/admin/login", "name=ann&password=correct+horse&next=//evil.example").await.location();
    assert_ne!(first.cookie("powercrud_session"), browser.cookie("powercrud_session"));
    assert!(first.clone().get("/admin/tasks").await.location().starts_with("/admin/login"));
    // Neither password nor token is in the database.
    let token = browser.cookie("powercrud_session").expect("a session").to_owned();
    assert_eq!(count(&database, &format!("powercrud_session WHERE token_hash = '{token}'")).await, 0);
    assert_eq!(count(&database, "powercrud_user WHERE password_hash LIKE '$argon2id$%'").await, 3);
    // Signed out, also for whoever has kept the cookie.
    let kept = browser.clone();
    assert_eq!(browser.post("/admin/logout", "").await.location(), "/admin/login");
    assert_eq!(browser.cookie("powercrud_session"), None);
    assert!(kept.clone().get("/admin/tasks").await.location().starts_with("/admin/login"));
    assert_eq!(count(&database, "powercrud_session").await, 0);
    let ann = account::find(&database, "ANN").await.expect("ann");
    assert!(ann.last_login_at.is_some_and(|at| at >= ann.created_at));
}

async fn sessions_end_with_the_right_to_them(database: TestDatabase) {
    let app = open(&database).await;
    let refused = async |browser: &Browser| browser.clone().get("/tasks").await.location();
    let (bob, mut cid, other) =
        (signed_in(&app, "bob").await, signed_in(&app, "cid").await, signed_in(&app, "cid").await);
    account::set_active(&database, &User::operator(), "bob", false).await.expect("bob is deactivated");
    assert_eq!(refused(&bob).await, "/login?next=%2Ftasks");
    bob.clone().post("/login", "name=bob&password=correct+horse").await.expect(422);
    account::set_active(&database, &User::operator(), "bob", true).await.expect("bob is activated");
    assert_eq!(refused(&bob).await, "/login?next=%2Ftasks", "the old session stays ended");
    signed_in(&app, "bob").await;
    // Who changes the password stays; other browsers don't.
    let form = |old: &str, new: &str, again: &str| format!("old_password={old}&password={new}&again={again}");
    cid.post("/account", &form("wrong", "battery+staple", "battery+staple"))
        .await
        .expect(422)
        .holds(&["not your password"]);
    cid.post("/account", &form("correct+horse", "battery+staple", "battery"))
        .await
        .expect(422)
        .holds(&["not the same"]);
    cid.post("/account", &form("correct+horse", "short", "short")).await.expect(422).holds(&["at least 8 characters"]);
    let changed = cid.post("/account", &form("correct+horse", "battery+staple", "battery+staple")).await.location();
    cid.get(&changed).await.expect(200).holds(&["Your password is changed"]);
    assert!(refused(&other).await.starts_with("/login"));
    other.clone().post("/login", "name=cid&password=correct+horse").await.expect(422);
    // The operator's change ends every session.
    account::set_password(&database, &User::operator(), "cid", PASSWORD).await.expect("cid has a password");
    assert!(refused(&cid).await.starts_with("/login"));
    // A session that was not used for long enough has lapsed; use keeps it.
    let bob = signed_in(&app, "bob").await;
    let moved = |to: &str| format!("UPDATE powercrud_session SET expires_at = {to};");
    database.execute(&moved("expires_at - 12 * 3600 * 1000 + 60000")).await;
    bob.clone().get("/tasks").await.expect(200);
    database.execute(&moved("expires_at - 60000 * 2")).await;
    bob.clone().get("/tasks").await.expect(200);
    database.execute(&moved("1")).await;
    assert!(refused(&bob).await.starts_with("/login"));
    let mut bob = signed_in(&app, "bob").await;
    assert_eq!(count(&database, "powercrud_session WHERE expires_at = 1").await, 0, "lapsed sessions go");
    account::remove(&database, &User::operator(), "bob").await.expect("bob is removed");
    assert!(refused(&bob).await.starts_with("/login"));
    bob.post("/login", "name=bob&password=correct+horse").await.expect(422);
    let error = account::find(&database, "bob").await.expect_err("no bob");
    assert!(matches!(error, Error::UnknownUser(_)), "{error}");
    // A new bob is another bob: what the first one did is not his.
    add(&database, "bob", false).await;
}

async fn guessing_is_slowed_down(database: TestDatabase) {
    let app = open(&database).await;
    let mut browser = Browser::new(app.router());
    for _ in 0..5 {
        browser.post("/login", "name=bob&password=guess").await.expect(422);
    }
    for form in ["name=bob&password=guess", "name=BOB&password=correct+horse"] {
        let answer = browser.post("/login", form).await.expect(429).holds(&["too many failed tries"]);
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=16).contains(&seconds), "{seconds}");
    }
    signed_in(&app, "cid").await;
    // After the wait the right password counts, and all is forgotten.
    database.execute("UPDATE powercrud_login_failure SET last_failed_at = last_failed_at - 16000;").await;
    signed_in(&app, "bob").await;
    assert_eq!(count(&database, "powercrud_login_failure").await, 0);
    // Many guesses at once are no more than one after the other.
    let guesses = (0..12).map(|_| {
        let mut browser = browser.clone();
        tokio::spawn(async move { browser.post("/login", "name=nobody&password=guess").await.status.as_u16() })
    });
    let mut statuses = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        statuses.push(guess.await.expect("no panic"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[422; 5].as_slice(), &[429; 7]].concat());
}

async fn users_see_only_their_own_tasks(database: TestDatabase) {
    let app = open(&database).await;
    let (mut ann, mut bob, mut cid) =
        (signed_in(&app, "ann").await, signed_in(&app, "bob").await, signed_in(&app, "cid").await);
    bob.post("/resources/book/selection", "action=all").await;
    let dialog = bob.get("/resources/book/bulk-edit").await.expect(200);
    let form = format!("change=price&set.price=1&selection={}", dialog.hidden("selection"));
    let done = bob.post("/resources/book/bulk-edit", &form).await.expect(200);
    let task = done.links().into_iter().find(|link| link.starts_with("/tasks/")).expect("a link to the task");
    let id = task.trim_start_matches("/tasks/").to_owned();
    bob.get(&task).await.expect(200).holds(&["Price → 1 on 60 books", "bob"]);
    ann.get(&task).await.expect(200).holds(&["bob"]);
    ann.get("/tasks").await.expect(200).holds(&["bob", &id]);
    cid.get(&task).await.expect(404);
    for path in ["progress", "strip"] {
        cid.get(&format!("{task}/{path}")).await.expect(404);
    }
    for path in ["cancel", "pause", "resume", "retry"] {
        cid.post(&format!("{task}/{path}"), "").await.expect(404);
    }
    for path in
        ["/", "/tasks", "/tasks/badge", "/resources/book", "/resources/book/running", "/resources/book/records/1"]
    {
        cid.get(path).await.expect(200).lacks(&[&id, "on 60 books", "1 running"]);
    }
    // Cid may not even know whose task keeps his own from starting.
    cid.post("/resources/book/selection", "action=add&key=5").await;
    let dialog = cid.get("/resources/book/bulk-edit").await.expect(200);
    let form = format!("change=price&set.price=2&selection={}", dialog.hidden("selection"));
    cid.post("/resources/book/bulk-edit", &form).await.expect(409).lacks(&[&id, " bob", ">bob"]);
    bob.post(&format!("{task}/cancel"), "").await.location();
    bob.get(&task).await.expect(200).holds(&["Cancelled"]);
}

async fn names_are_taken_once(database: TestDatabase) {
    powercrud::db::migrate(&database).await.expect("tables");
    add(&database, "Ann Adler", false).await;
    let new = |name: &str, password: &str, email: &str| NewAccount {
        name: name.into(),
        email: Some(email.into()),
        password: password.into(),
        is_staff: false,
    };
    let error =
        account::create(&database, &User::operator(), new("ann adler", PASSWORD, "a@b.c")).await.expect_err("taken");
    assert!(matches!(&error, Error::Invalid(errors) if errors[0].code == "UNIQUE"), "{error:?}");
    let error =
        account::create(&database, &User::operator(), new("", "short", "nowhere")).await.expect_err("three mistakes");
    let Error::Invalid(errors) = error else { panic!("{error:?}") };
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_deref().unwrap_or_default()).collect();
    assert_eq!(fields, ["name", "email", "password"]);
    assert_eq!(account::list(&database).await.expect("users").len(), 1);
}

/// A server that nobody has added a user to is its operator's; from the first user on it asks.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_user_ends_the_openness() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        shop(&database).await;
        let settings = Settings {
            discover: true,
            login: LoginMode::WhenUsersExist,
            session_lifetime: Duration::from_secs(60),
            secure_cookies: true,
            ..Settings::default()
        };
        let app = PowerCrud::builder(database.clone()).all_settings(settings).build().await.expect("a shop");
        let mut browser = Browser::new(app.router());
        browser.get("/tasks").await.expect(200).lacks(&["/logout"]);
        assert_eq!(browser.get("/login").await.location(), "/");
        browser.get("/account").await.expect(404);
        add(&database, "ann", true).await;
        assert!(browser.get("/tasks").await.location().starts_with("/login"));
        browser.get("/healthz").await.expect(200);
        browser.get("/assets/powercrud.css").await.expect(200);
        let answer = browser.post("/login", "name=ann&password=correct+horse").await;
        assert!(answer.header("set-cookie").contains("; Secure"), "{}", answer.header("set-cookie"));
        browser.get("/tasks").await.expect(200);
        account::remove(&database, &User::operator(), "ann").await.expect("ann goes");
        assert!(browser.get("/tasks").await.location().starts_with("/login"), "it does not open again by itself");
        browser.get("/login").await.expect(200).holds(&["powercrud user add"]);
    })
    .await;
}

#[tokio::test]
async fn there_is_one_way_to_say_who_asks() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        let both = PowerCrud::builder(database.clone()).user(|_| Some(User::operator())).login().build().await;
        let error = both.err().expect("a mistake").to_string();
        assert!(error.contains("login: either"), "{error}");
        let none = PowerCrud::builder(database).open_to_everybody().build().await.expect("an application");
        Browser::new(none.router()).get("/login").await.expect(404);
    })
    .await;
}
