//! The suite of policies.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use powercrud::{
    PowerCrud, Resource, RoleResource, RoleSettings, Settings, User, Words,
    policy::{Fields, Permission, Policy, Rows},
    testing,
};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};

use super::assert_broken;
use crate::{
    shop::items,
    support::{TestDatabase, each_database},
};

each_database! { roles_keep_it, what_is_broken_is_found }

async fn roles_keep_it(database: TestDatabase) {
    items(&database, 30).await;
    let clerk = RoleSettings {
        resources: [(
            "item".to_owned(),
            RoleResource {
                allow: Words(vec!["view".to_owned(), "change".to_owned()]),
                rows: Words(vec!["status={user.status}".to_owned()]),
                hide: Words(vec!["price".to_owned()]),
                ..RoleResource::default()
            },
        )]
        .into(),
        ..RoleSettings::default()
    };
    let settings = Settings { roles: [("clerk".to_owned(), clerk)].into(), ..Settings::default() };
    let builder = PowerCrud::builder(database.clone()).all_settings(settings).discover(true);
    let app = builder.build().await.expect("no mistakes");
    let ann = User::new("1", "Ann").role("clerk").attribute("status", "new");
    let ben = User::new("2", "Ben").role("clerk");
    let eve = User::new("3", "Eve").role("editor");
    // Who has no role may do everything: such a user is no stranger to roles.
    let stranger = User::new("4", "Nobody").role("nobody");
    let suite = testing::policy(&app, app.policy()).users([ann, ben.clone(), eve]).strangers([stranger]);
    suite.check().await.unwrap();
    // A clerk without status has no rows.
    testing::policy(&app, app.policy()).strangers([ben]).check().await.unwrap();
}

/// How a policy is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Not,
    Panics,
    ChangesItsMind,
    Slow,
    NoSuchColumn,
    NoSuchTable,
    NamesItsOwn,
    LetsAnybodyIn,
    SaysNothingIsKept,
}

struct OwnStatus(Broken, AtomicU64);

impl Policy for OwnStatus {
    fn may(&self, user: &User, permission: Permission<'_>, _resource: &Resource) -> bool {
        assert!(self.0 != Broken::Panics, "not this one");
        if self.0 == Broken::Slow {
            std::thread::sleep(Duration::from_millis(10));
        }
        let is_known = user.attributes.contains_key("status") || self.0 == Broken::LetsAnybodyIn;
        is_known && permission != Permission::Delete
    }

    fn rows(&self, user: &User, _resource: &Resource) -> Rows {
        let status = match user.attributes.get("status") {
            Some(status) => status.clone(),
            None if self.0 == Broken::LetsAnybodyIn => return Rows::All,
            None => return Rows::None,
        };
        let asked = self.1.fetch_add(1, Ordering::Relaxed);
        match self.0 {
            Broken::LetsAnybodyIn => Rows::All,
            Broken::ChangesItsMind => Rows::equal("status", if asked.is_multiple_of(2) { "new" } else { "used" }),
            Broken::NoSuchColumn => Rows::equal("state", status),
            Broken::NoSuchTable => Rows::condition(|row| {
                let others = Query::select().column("status").from("no_such_table").take();
                Condition::all().add(row.column("status").in_subquery(others))
            }),
            Broken::NamesItsOwn => {
                Rows::condition(move |_| Condition::all().add(Expr::col("status").eq(status.as_str())))
            }
            _ => Rows::equal("status", status),
        }
    }

    fn fields(&self, _user: &User, _resource: &Resource) -> Fields {
        Fields::all().hide(["price"])
    }

    fn restricts(&self, user: &User) -> bool {
        self.0 != Broken::SaysNothingIsKept || !user.attributes.contains_key("status")
    }
}

async fn what_is_broken_is_found(database: TestDatabase) {
    items(&database, 30).await;
    let app = PowerCrud::builder(database.clone()).discover(true).build().await.expect("no mistakes");
    let ann = User::new("1", "Ann").attribute("status", "new");
    for (broken, parts) in [
        (Broken::Not, &[][..]),
        (Broken::Panics, &["does not panic"]),
        (Broken::ChangesItsMind, &["says the same"]),
        (Broken::Slow, &["answers at once"]),
        (Broken::NoSuchColumn, &["rows fit"]),
        (Broken::NoSuchTable, &["rows fit"]),
        (Broken::NamesItsOwn, &["names its columns by what it is given"]),
        (Broken::LetsAnybodyIn, &["knows nothing gets nothing"]),
        (Broken::SaysNothingIsKept, &["of whom restricts says so"]),
    ] {
        let policy = OwnStatus(broken, AtomicU64::new(0));
        let checked = testing::policy(&app, &policy).users([ann.clone()]).check().await;
        match parts {
            [] => checked.unwrap(),
            parts => assert_broken(checked, parts),
        }
        if broken == Broken::LetsAnybodyIn {
            testing::policy(&app, &policy).public(["item"]).check().await.unwrap();
        }
    }
}
