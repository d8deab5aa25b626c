//! Roles with few rights: what they may not do is not offered, and what is missing is told as the statement that grants it.

use powercrud::{Error, PowerCrud, User, db::Database, record};

use crate::{
    shop::{carry_out, counts, delete, in_background, keys, update},
    support::{Kind, Role, TestDatabase, each_database, with_role},
    web::{browser::Browser, shop},
};

each_database! {
    [postgres mysql]
    the_statements_that_are_told_are_all_that_a_role_needs,
    a_role_is_offered_what_it_may_do_and_nothing_else,
    a_key_that_may_not_be_read_is_told,
}

async fn the_statements_that_are_told_are_all_that_a_role_needs(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        shop(&database).await;
        database.execute(&format!("GRANT SELECT, UPDATE ON book TO {};", role.name)).await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        // Nobody has made the tables: the role would need the right to make them.
        let told = missing(&few).await;
        // MySQL does not tell whoever has no right to a table whether it is there.
        let creates = database.kind == Kind::Postgres;
        let fits = |grant: &String| grant.starts_with("GRANT ") && grant.contains("CREATE") == creates;
        assert!(!told.is_empty() && told.iter().all(fits), "{told:?}");
        powercrud::db::migrate(&database).await.expect("the owner makes the tables");
        let mut rounds = 0;
        let app = loop {
            match PowerCrud::builder(few.clone()).open_to_everybody().discover(true).build().await {
                Ok(app) => break app,
                Err(Error::MissingRights { grants, .. }) => {
                    assert!(!grants.iter().any(|grant| grant.contains("CREATE")), "{grants:?}");
                    database.execute(&grants.join("\n")).await;
                    rounds += 1;
                    assert!(rounds < 3, "the statements were carried out, and are told again: {grants:?}");
                }
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(rounds, 1, "they are told all at once");
        // A whole bulk task of a role that can't create anything.
        let request = update("book", keys([1, 2, 3]), [("status", Some("archived"))]);
        assert_eq!(counts(&carry_out(&app, in_background(request)).await), (3, 0, 0));
    })
    .await;
}

async fn a_key_that_may_not_be_read_is_told(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        powercrud::db::migrate(&database).await.expect("the owner makes the tables");
        database
            .execute(&format!(
                "CREATE TABLE locked (k INT NOT NULL PRIMARY KEY, v VARCHAR(20));
                 GRANT SELECT (v), UPDATE (v) ON locked TO {};",
                role.name
            ))
            .await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        database.execute(&missing(&few).await.join("\n")).await;
        let app = PowerCrud::builder(few)
            .open_to_everybody()
            .discover(true)
            .build()
            .await
            .expect("it may use PowerCRUD's tables");
        let locked = app.resource("locked").expect("it is there");
        let reason = locked.read_only.as_deref().unwrap_or_default();
        // MySQL does not tell of columns to which a role has no right.
        let unread = if database.kind == Kind::Postgres { "may not read k," } else { "may not read all its columns" };
        assert!(reason.contains(unread), "{reason}");
        let denied = &locked.table.denied;
        assert!(database.kind != Kind::Postgres || denied.words().contains("SELECT of k"), "{}", denied.words());
        assert!(denied.grants.iter().any(|grant| grant.contains("SELECT")), "{:?}", denied.grants);
        database.execute(&denied.grants.join("\n")).await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let app = PowerCrud::builder(few).open_to_everybody().discover(true).build().await.expect("an app");
        assert_eq!(app.resource("locked").expect("it is there").read_only, None);
    })
    .await;
}

async fn missing(database: &Database) -> Vec<String> {
    match PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await {
        Err(Error::MissingRights { grants, .. }) => grants,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the role may do everything"),
    }
}

/// Rights on single tables and columns; on MariaDB some of them by way of a role.
async fn few_rights(database: &TestDatabase, role: &Role) {
    shop(database).await;
    powercrud::db::migrate(database).await.expect("the owner makes the tables");
    let Role { name, .. } = role;
    database
        .execute(&format!(
            "CREATE TABLE ledger (id INT NOT NULL PRIMARY KEY, amount INT);
             CREATE TABLE note (id INT NOT NULL PRIMARY KEY, body VARCHAR(50), about VARCHAR(50));
             INSERT INTO note VALUES (1, 'shown', 'not shown');
             GRANT INSERT ON ledger TO {name};
             GRANT SELECT (id, body) ON note TO {name};
             GRANT SELECT, INSERT ON author TO {name};
             GRANT SELECT, UPDATE (title, status) ON book TO {name};
             GRANT SELECT, DELETE ON order_line TO {name};"
        ))
        .await;
    let few = Database::connect(&role.url).await.expect("the role may sign in");
    database.execute(&missing(&few).await.join("\n")).await;
}

async fn a_role_is_offered_what_it_may_do_and_nothing_else(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        few_rights(&database, &role).await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let app = PowerCrud::builder(few)
            .open_to_everybody()
            .discover(true)
            .build()
            .await
            .expect("it may use PowerCRUD's tables");
        let rights = |name: &str| {
            let resource = app.resource(name).expect("it may be read");
            (resource.can_create(), resource.can_update(), resource.can_delete())
        };
        assert_eq!(rights("author"), (true, false, false));
        assert_eq!(rights("book"), (false, true, false));
        assert_eq!(rights("order_line"), (false, false, true));
        let note = app.resource("note").unwrap();
        assert_eq!(note.read_only.as_deref(), Some("the database's role may only read it"));
        let fields: Vec<_> = note.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(fields, ["id", "body"]);
        let book = app.resource("book").unwrap();
        let bulk: Vec<_> = book.bulk_fields().map(|field| field.name.as_str()).collect();
        assert_eq!(bulk, ["title", "status"]);
        assert!(!book.can_bulk_delete() && !book.table.denied.grants.is_empty());
        let left_out = app.catalog().left_out.iter().find(|one| one.name == "ledger").expect("it is named");
        assert!(left_out.reason.contains("GRANT SELECT ON "), "{}", left_out.reason);
        assert!(!app.catalog().left_out.iter().any(|one| one.name.starts_with("powercrud_")));

        let by = User::operator();
        let set = |name: &str, value: &str| vec![(name.to_owned(), Some(value.to_owned()))];
        record::update(&app, &by, book, "1", &set("title", "New")).await.expect("that column may be changed");
        let refused = record::update(&app, &by, book, "1", &set("price", "1")).await.expect_err("that one may not");
        assert!(matches!(refused, Error::Invalid(_)), "{refused}");
        let line = app.resource("order_line").unwrap();
        record::delete(&app, &by, line, "1").await.expect("the role may delete");
        assert_eq!(counts(&carry_out(&app, in_background(delete("order_line", keys([2, 3])))).await), (2, 0, 0));
        let author = app.resource("author").unwrap();
        record::create(&app, &by, author, &[set("id", "9"), set("name", "Cy")].concat()).await.expect("may create");
        let refused = record::delete(&app, &by, author, "9").await.expect_err("it may not delete");
        assert!(refused.to_string().contains("role may not delete"), "{refused}");

        let mut browser = Browser::new(app.router());
        browser.get("/resources/book").await.expect(200).lacks(&["/resources/book/new", "bulk-delete"]);
        browser.get("/resources/book/new").await.expect(403);
        browser.get("/resources/author").await.expect(200).holds(&["/resources/author/new"]);
        browser.get("/resources/book/records/1").await.expect(200).holds(&["/edit"]).lacks(&["records/1/delete"]);
        browser
            .get("/resources/book/records/1/edit")
            .await
            .expect(200)
            .holds(&["name=\"title\""])
            .lacks(&["name=\"price\""]);
        browser.get("/resources/order_line/records/1").await.expect(404);
        let api = browser.get("/api/v1/resources/book").await.expect(200);
        let json: serde_json::Value = serde_json::from_str(&api.text).unwrap();
        assert_eq!((&json["can_create"], &json["can_update"]), (&false.into(), &true.into()), "{json:#}");
    })
    .await;
}
