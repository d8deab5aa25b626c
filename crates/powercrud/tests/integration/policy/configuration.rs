//! Mistakes of roles, all at once.

use std::collections::BTreeMap;

use powercrud::{Error, PowerCrud, RoleResource, RoleSettings, Settings};

use super::books;
use crate::support::{TestDatabase, each_database};

each_database! { [sqlite] every_mistake_is_told, roles_and_a_policy_don_t_go_together }

async fn every_mistake_is_told(database: TestDatabase) {
    books(&database).await;
    let book = RoleResource {
        allow: ["view", "fly", "action:archive"].into(),
        rows: [
            "publisher_id={user.}",
            "nothing=1",
            "publisher_id__near=1",
            "publisher_id__gte=seven",
            "publisher_id=eight",
            "publisher_id",
        ]
        .into(),
        hide: ["id", "price"].into(),
        read_only: ["colour"].into(),
    };
    let clerk = RoleSettings {
        default: ["sometimes", "action:nope"].into(),
        resources: BTreeMap::from([("book".to_owned(), book), ("books".to_owned(), RoleResource::default())]),
    };
    let roles = BTreeMap::from([("clerk".to_owned(), clerk), ("viewer".to_owned(), RoleSettings::default())]);
    let settings = Settings { discover: true, roles, ..Settings::default() };
    let Err(Error::Configuration(mistakes)) = PowerCrud::builder(database.clone()).all_settings(settings).build().await
    else {
        panic!("there are mistakes");
    };
    for part in [
        "roles.clerk.default: \"sometimes\" is no permission; allowed are: view, create",
        "roles.clerk.default: no action asks for \"action:nope\"; there are no actions",
        "roles.clerk.resources.book.allow: \"fly\" is no permission",
        "roles.clerk.resources.book.allow: no action asks for \"action:archive\"; there are no actions",
        "roles.clerk.resources.book.rows: \"{user.}\": allowed between braces",
        "roles.clerk.resources.book.rows: book has no column \"nothing\"; there are: id, title",
        "roles.clerk.resources.book.rows: \"near\" is no operator; allowed are: exact",
        "roles.clerk.resources.book.rows: publisher_id: \"seven\" is not allowed: a whole number",
        "roles.clerk.resources.book.rows: publisher_id: \"eight\" is not allowed: a whole number",
        "roles.clerk.resources.book.rows: \"publisher_id\" is no filter",
        "roles.clerk.resources.book.hide: \"id\" can't be hidden",
        "roles.clerk.resources.book.hide: book has no field \"price\"; there are: id, title",
        "roles.clerk.resources.book.read_only: book has no field \"colour\"",
        "roles.clerk.resources.books: there is no such resource; there are: book",
        "roles.viewer: there is such a role without being configured",
    ] {
        assert!(mistakes.iter().any(|mistake| mistake.starts_with(part)), "{part:?} is not in {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), 15, "{mistakes:#?}");
}

async fn roles_and_a_policy_don_t_go_together(database: TestDatabase) {
    let roles = BTreeMap::from([("clerk".to_owned(), RoleSettings::default())]);
    let builder = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .all_settings(Settings { roles, ..Settings::default() });
    let built = builder.policy(powercrud::policy::Roles::default()).build().await;
    assert!(matches!(built, Err(Error::Configuration(mistakes)) if mistakes[0].starts_with("roles: ")));
}
