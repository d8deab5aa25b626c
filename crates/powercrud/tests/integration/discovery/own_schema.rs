//! PowerCRUD's own tables in a schema or database of their own, so that nothing of it is among the data.

use powercrud::{
    Error, PowerCrud, Resource, Selection, User,
    bulk::revert,
    db::{self, Database},
};

use crate::{
    shop::{carry_out, count, counts, delete, discovered, in_background, items, keys, update, work},
    support::{Kind, TestDatabase, each_database, with_role},
    web::browser::Browser,
};

each_database! { [postgres mysql] own_tables_are_in_a_schema_of_their_own, what_a_role_lacks_there_is_told }
each_database! { [sqlite] a_file_has_no_schemas }
each_database! { several_processes_start_at_once }

/// A name that has to be quoted; databases of a server need one each.
fn name(database: &TestDatabase) -> String {
    let own = database.url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a database");
    format!("{own} tool's \"`own`")
}

fn quoted(database: &TestDatabase) -> String {
    match database.kind {
        Kind::Mysql => format!("`{}`", name(database).replace('`', "``")),
        _ => format!("\"{}\"", name(database).replace('"', "\"\"")),
    }
}

/// How many tables of PowerCRUD there are in a schema; in the connection's own, where none is named.
async fn tables_in(database: &TestDatabase, schema: Option<&str>) -> usize {
    let own = if database.kind == Kind::Mysql { "DATABASE()" } else { "current_schema()" };
    let schema = schema.map_or(own.to_owned(), |schema| format!("'{}'", schema.replace('\'', "''")));
    count(
        database,
        &format!("information_schema.tables WHERE table_schema = {schema} AND table_name LIKE 'powercrud%'"),
    )
    .await
}

/// Some of it would outlive the test's database. In small letters: scripts that create or drop databases are meant for others, and left out.
async fn drop_own(database: &TestDatabase) {
    let (what, all) = if database.kind == Kind::Mysql { ("database", "") } else { ("schema", " CASCADE") };
    database.execute(&format!("drop {what} {}{all};", quoted(database))).await;
}

async fn own_tables_are_in_a_schema_of_their_own(database: TestDatabase) {
    items(&database, 60).await;
    database
        .execute(
            "CREATE TABLE node (id integer PRIMARY KEY, parent_id integer, FOREIGN KEY (parent_id) REFERENCES node (id) ON DELETE CASCADE);
             INSERT INTO node VALUES (1, NULL), (2, 1), (3, 2);",
        )
        .await;
    // What an installation of its own has among the data is none of this one's business.
    let beside = discovered(&database).await;
    let others = tables_in(&database, None).await;
    let item = Resource::table("item").bulk_revert(true).bulk_chunk_size(7u64);
    let app =
        PowerCrud::builder(&database).open_to_everybody().resource(item).discover(true).tables_schema(name(&database));
    let app = app.build().await.expect("it is made");
    assert_eq!(tables_in(&database, Some(&name(&database))).await, others);
    assert_eq!(db::pending_migrations(app.database()).await.expect("it is read"), 0);
    assert!(app.resources().iter().all(|resource| !resource.name.contains("powercrud")));

    let task = carry_out(&app, in_background(update("item", Selection::All, [("status", Some("gone"))]))).await;
    assert_eq!(counts(&task), (60, 0, 0), "{}", task.error_message);
    let reverted = revert(&app, &User::operator(), task.id).await.expect("it was kept");
    let reverted = work(&app, reverted.task()).await;
    // A third had that status before.
    assert_eq!(counts(&reverted), (40, 0, 0), "{}", reverted.error_message);
    let task = carry_out(&app, in_background(delete("node", Selection::All))).await;
    assert_eq!(counts(&task), (3, 0, 0), "{}", task.error_message);
    let mut browser = Browser::new(app.router());
    for page in [
        "/resources/item".to_owned(),
        format!("/resources/item?in_task={}.succeeded", reverted.id),
        "/resources/item/records/1".to_owned(),
        "/tasks".to_owned(),
        format!("/tasks/{}?outcome=succeeded", task.id),
        "/staff".to_owned(),
        "/staff/audit".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
    ] {
        browser.get(&page).await.expect(200);
    }
    let file = browser.get(&format!("/tasks/{}/results/succeeded.jsonl", task.id)).await.expect(200);
    file.holds(&["\"deleted_with\":\"1\""]);
    assert_eq!(count(&database, "powercrud_bulk_task").await, 0, "the other installation knows of nothing");
    carry_out(&beside, update("item", keys([1]), [("status", Some("new"))])).await;

    let removed = db::uninstall(app.database(), false, true).await.expect("it may go");
    assert_eq!(removed.tables.len(), others);
    assert_eq!((tables_in(&database, Some(&name(&database))).await, tables_in(&database, None).await), (0, others));
    drop_own(&database).await;
    let none = db::uninstall(app.database(), false, true).await.expect("nothing is there");
    assert!(none.tables.is_empty());
}

async fn what_a_role_lacks_there_is_told(database: TestDatabase) {
    items(&database, 30).await;
    with_role(&database, |database, role| async move {
        database.execute(&format!("GRANT SELECT, UPDATE ON item TO {};", role.name)).await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let build = || {
            PowerCrud::builder(few.clone()).open_to_everybody().discover(true).tables_schema(name(&database)).build()
        };
        // The right to make the schema, then the tables in it; whoever makes a schema owns it.
        let mut told = Vec::new();
        let app = loop {
            match build().await {
                Ok(app) => break app,
                Err(Error::MissingRights { grants, .. }) => {
                    assert!(told.len() < 3, "{told:?}, and then {grants:?}");
                    database.execute(&grants.join("\n")).await;
                    told.push(grants.join(" "));
                }
                Err(error) => panic!("after {told:?}: {error}"),
            }
        };
        assert!(told[0].contains("CREATE") && told[0].contains(" ON "), "{told:?}");
        let request = update("item", keys([1, 2, 3]), [("status", Some("gone"))]);
        assert_eq!(counts(&carry_out(&app, in_background(request)).await), (3, 0, 0));
        assert_eq!(tables_in(&database, None).await, 0);
        drop_own(&database).await;
    })
    .await;
    // Made by its owner, it is granted table by table.
    with_role(&database, |database, role| async move {
        database.execute(&format!("GRANT SELECT, UPDATE ON item TO {};", role.name)).await;
        let owner = PowerCrud::builder(&database)
            .open_to_everybody()
            .discover(true)
            .tables_schema(name(&database))
            .build()
            .await;
        drop(owner.expect("the owner makes the tables"));
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let build = || {
            PowerCrud::builder(few.clone()).open_to_everybody().discover(true).tables_schema(name(&database)).build()
        };
        let Err(Error::MissingRights { grants, .. }) = build().await else { panic!("it has no rights there") };
        database.execute(&grants.join("\n")).await;
        let app = build().await.expect("all was told at once");
        let request = update("item", keys([1, 2, 3]), [("status", Some("used"))]);
        assert_eq!(counts(&carry_out(&app, in_background(request)).await), (3, 0, 0));
        drop_own(&database).await;
    })
    .await;
}

async fn a_file_has_no_schemas(database: TestDatabase) {
    let Err(error) =
        PowerCrud::builder(&database).open_to_everybody().discover(true).tables_schema("own").build().await
    else {
        panic!("a file has no schemas");
    };
    assert!(
        error.to_string().contains("tables_schema: \"own\" is not allowed, because a SQLite file has no schemas"),
        "{error}"
    );
}

/// Whoever starts first makes the tables; the others wait, and find them.
async fn several_processes_start_at_once(database: TestDatabase) {
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = database.url.clone();
        starting.spawn(async move {
            let database = Database::connect(&url).await.expect("a database");
            powercrud::db::migrate(&database).await
        });
    }
    for started in starting.join_all().await {
        started.expect("the tables are there");
    }
}
