//! What the audit trail keeps of signing in: who did, who failed, and no more of whoever guesses than it can bear.

use powercrud::{
    PowerCrud, User,
    account::{self, NewAccount},
    audit::{self, Action, AuditEntry, AuditFilter},
};

use super::{
    browser::{Browser, encode},
    login::{add, signed_in},
    shop,
};
use crate::support::{TestDatabase, each_database};

each_database! { sign_ins_are_in_the_trail, whoever_guesses_does_not_fill_it, who_does_something_to_a_user_is_told }

/// A shop that asks for login, with ann, who is staff, and bob.
async fn open(database: &TestDatabase) -> PowerCrud {
    shop(database).await;
    let app = PowerCrud::builder(database.clone()).discover(true).login().build().await.expect("a shop");
    add(database, "ann", true).await;
    add(database, "bob", false).await;
    app
}

async fn trail(app: &PowerCrud) -> Vec<AuditEntry> {
    let filter = AuditFilter { limit: 1_000, ..AuditFilter::default() };
    let mut entries = audit::list(app, &User::operator(), &filter).await.expect("the trail");
    entries.reverse();
    entries
}

/// What was done, by whom and to whom.
fn told(entries: &[AuditEntry]) -> Vec<(Action, &str, &str)> {
    entries
        .iter()
        .map(|entry| (entry.action, entry.user_name.as_deref().unwrap_or("operator"), entry.subject.as_str()))
        .collect()
}

async fn number_of(app: &PowerCrud, action: Action) -> usize {
    trail(app).await.iter().filter(|entry| entry.action == action).count()
}

async fn sign_ins_are_in_the_trail(database: TestDatabase) {
    let app = open(&database).await;
    let bobs_id = account::find(&database, "bob").await.expect("bob").id;
    let mut bob = signed_in(&app, "bob").await;
    // In the same browser, which ends its session, also by another name in capitals.
    bob.post("/login", "name=BOB&password=correct+horse").await.location();
    let kept = bob.clone();
    for mut browser in [bob, kept, Browser::new(app.router())] {
        // Only the first one has a session that can end.
        browser.post("/logout", "").await.location();
    }
    let mut browser = Browser::new(app.router());
    let typed = "hunter2 of bob's";
    for (name, password) in [("Bob", "battery staple"), (typed, ""), ("bob", "")] {
        let form = format!("name={}&password={}", encode(name), encode(password));
        browser.post("/login", &form).await.expect(422);
    }
    account::set_active(&database, &User::operator(), "bob", false).await.expect("deactivated");
    browser.post("/login", "name=bob&password=correct+horse").await.expect(422);
    let mut ann = signed_in(&app, "ann").await;

    let entries = trail(&app).await;
    let bob = "user \"bob\"";
    assert_eq!(
        told(&entries),
        [
            (Action::UserAdded, "operator", "user \"ann\", staff"),
            (Action::UserAdded, "operator", bob),
            (Action::SignedIn, "bob", bob),
            (Action::SignedOut, "bob", bob),
            (Action::SignedIn, "bob", bob),
            (Action::SignedOut, "bob", bob),
            (Action::SignInFailed, "bob", bob),
            (Action::SignInFailed, "somebody", "a name that no user has"),
            (Action::SignInFailed, "bob", bob),
            (Action::UserDeactivated, "operator", bob),
            (Action::SignInFailed, "bob", "user \"bob\", who may not sign in"),
            (Action::SignedIn, "ann", "user \"ann\", staff"),
        ]
    );
    let shown = format!("{entries:?}");
    for secret in ["hunter2", "battery", "horse", "argon2"] {
        assert!(!shown.contains(secret), "{secret} is kept: {shown}");
    }

    let page = ann.get("/staff/audit?action=sign_in_failed").await.expect(200);
    let page = page.holds(&["1–4 of 4", "Failed to sign in", "User &quot;bob&quot;", "A name that no user has"]);
    // Whoever that was: not bob, as far as one knows.
    assert_eq!(
        page.lacks(&["</span><bdi>bob</bdi></span>"]).text.matches("</span><bdi>somebody</bdi></span>").count(),
        4
    );
    let of_bob = |action: &str| format!("/staff/audit?user=id:{bobs_id}&action={action}");
    ann.get(&of_bob("signed_in")).await.expect(200).holds(&["1–2 of 2", "Signed in", "</span><bdi>bob</bdi></span>"]);
    ann.get(&of_bob("signed_out")).await.expect(200).holds(&["1–2 of 2", "Signed out"]);
    ann.get(&of_bob("sign_in_failed")).await.expect(200).holds(&["1–3 of 3"]);
    let unknown = format!("/staff/audit?user=id:{}", audit::NOBODY);
    ann.get(&unknown).await.expect(200).holds(&["1–1 of 1", "A name that no user has", "selected>somebody"]);
    ann.get("/staff/audit?user=operator").await.expect(200).lacks(&["Failed to sign in</span>"]);
}

async fn whoever_guesses_does_not_fill_it(database: TestDatabase) {
    let app = open(&database).await;
    let mut browser = Browser::new(app.router());
    for _ in 0..5 {
        browser.post("/login", "name=bob&password=guess").await.expect(422);
    }
    // Each of these waits, also with the right password; many at once are told once.
    for waits in 1..=2 {
        let tries = (0..12).map(|_| {
            let mut browser = browser.clone();
            tokio::spawn(async move { browser.post("/login", "name=bob&password=correct+horse").await.status.as_u16() })
        });
        for status in tries.collect::<Vec<_>>() {
            assert_eq!(status.await.expect("no panic"), 429);
        }
        assert_eq!(number_of(&app, Action::SignInDelayed).await, waits);
        database.execute("UPDATE powercrud_login_failure SET last_failed_at = last_failed_at - 600000;").await;
        browser.post("/login", "name=bob&password=guess").await.expect(422);
        assert_eq!(number_of(&app, Action::SignInFailed).await, 5 + waits);
    }
    let delayed = trail(&app).await.into_iter().find(|entry| entry.action == Action::SignInDelayed).expect("one");
    assert_eq!((delayed.user_name.as_deref(), delayed.subject.as_str()), (Some("bob"), "user \"bob\""));

    // Ever new names that nobody has.
    let known = number_of(&app, Action::SignInFailed).await;
    for entries in 1..=2 {
        for name in 0..8 {
            browser.post("/login", &format!("name=guess{name}&password=x")).await.expect(422);
        }
        assert_eq!(number_of(&app, Action::SignInFailed).await, known + entries);
        database.execute("UPDATE powercrud_audit SET at = at - 301000;").await;
    }
    // Once the name may sign in again, all is as before.
    database.execute("UPDATE powercrud_login_failure SET last_failed_at = last_failed_at - 600000;").await;
    signed_in(&app, "bob").await;
    for _ in 0..5 {
        browser.post("/login", "name=bob&password=guess").await.expect(422);
    }
    browser.post("/login", "name=bob&password=guess").await.expect(429);
    assert_eq!(number_of(&app, Action::SignInDelayed).await, 3);
}

async fn who_does_something_to_a_user_is_told(database: TestDatabase) {
    let app = open(&database).await;
    let mut bob = signed_in(&app, "bob").await;
    bob.post("/account", "old_password=correct+horse&password=battery+staple&again=battery+staple").await.location();
    // A page of an application's own.
    let ann = User::new("7", "Ann").staff(true);
    let new = NewAccount { name: "cid".into(), email: None, password: "correct horse".into(), is_staff: false };
    account::create(&database, &ann, new).await.expect("a user");
    account::set_password(&database, &ann, "cid", "battery staple").await.expect("another password");
    account::set_active(&database, &ann, "cid", false).await.expect("deactivated");
    account::set_active(&database, &ann, "cid", true).await.expect("activated");
    account::remove(&database, &User::operator(), "cid").await.expect("removed");
    let entries = trail(&app).await;
    let cid = "user \"cid\"";
    assert_eq!(
        told(&entries[3..]),
        [
            (Action::PasswordChanged, "bob", "user \"bob\""),
            (Action::UserAdded, "Ann", cid),
            (Action::PasswordChanged, "Ann", cid),
            (Action::UserDeactivated, "Ann", cid),
            (Action::UserActivated, "Ann", cid),
            (Action::UserRemoved, "operator", cid),
        ]
    );
}
