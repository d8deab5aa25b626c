//! A look leaves no trace, what can only be read is served for reading, and what is PowerCRUD's own goes without one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use sea_orm::ConnectionTrait as _;

use powercrud::{
    PowerCrud,
    db::{self, Database},
};

use crate::{
    shop,
    support::{Kind, TestDatabase, each_database},
    web::{self, browser::Browser},
};

each_database! {
    what_is_powercruds_own_is_removed_and_nothing_else, nothing_is_removed_where_others_depend_on_it,
    tables_of_an_earlier_version_get_their_new_names
}
each_database! { [sqlite] a_look_at_a_file_leaves_it_and_its_folder_as_they_were, a_file_that_can_only_be_read_is_served_for_reading }

async fn what_is_powercruds_own_is_removed_and_nothing_else(database: TestDatabase) {
    shop::items(&database, 30).await;
    let app = shop::discovered(&database).await;
    let request = shop::update("item", shop::keys([1, 2]), [("status", Some("used"))]);
    let task = shop::queue(&app, shop::in_background(request)).await;
    let refused = db::uninstall(&database, false, false).await.expect_err("a task has not ended");
    assert!(refused.to_string().contains("1 bulk task has not ended"), "{refused}");
    let told = db::uninstall(&database, true, false).await.expect("a dry run");
    assert_eq!(told.active_tasks, 1);
    powercrud::task::store::get(&app, &powercrud::User::operator(), task.id).await.expect("nothing went");
    let removed = db::uninstall(&database, false, true).await.expect("it is forced");
    assert_eq!(removed.tables, told.tables);
    // Whatever migrations make is known to go.
    let left = match database.kind {
        Kind::Sqlite => "sqlite_schema WHERE name LIKE 'powercrud%'",
        Kind::Postgres => "pg_class WHERE relname LIKE 'powercrud%'",
        Kind::Mysql => "information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'powercrud%'",
    };
    assert_eq!(shop::count(&database, left).await, 0);
    assert_eq!(shop::count(&database, "item").await, 30);
    assert!(db::uninstall(&database, false, false).await.expect("nothing is there").tables.is_empty());
    db::migrate(&database).await.expect("it can come again");
}

async fn nothing_is_removed_where_others_depend_on_it(database: TestDatabase) {
    db::migrate(&database).await.expect("tables");
    let whole = db::uninstall(&database, true, false).await.expect("a look").tables;
    let (dependent, drop) = match database.kind {
        Kind::Postgres => ("CREATE VIEW report AS SELECT id, status FROM powercrud_bulk_task;", "DROP VIEW report;"),
        _ => (
            "CREATE TABLE report (id BIGINT, user_id BINARY(16), FOREIGN KEY (user_id) REFERENCES powercrud_user (id));",
            "DROP TABLE report;",
        ),
    };
    database.execute(dependent).await;
    let refused = db::uninstall(&database, false, false).await.expect_err("something depends on it").to_string();
    assert!(refused.contains("report") && refused.contains("powercrud_"), "{refused}");
    assert_eq!(db::uninstall(&database, true, false).await.expect("a look").tables, whole);
    database.execute(drop).await;
    // As an earlier version may have left it.
    database.execute("DROP TABLE powercrud_message;").await;
    let told = db::migrate(&database).await.expect_err("a table is gone").to_string();
    assert!(told.contains("powercrud_message") && told.contains("uninstall"), "{told}");
    let removed = db::uninstall(&database, false, false).await.expect("nothing is in the way");
    assert_eq!(removed.tables.len(), whole.len() - 1);
    db::migrate(&database).await.expect("it can come again");
}

/// With what is in them, also where a migration was interrupted between two of them.
async fn tables_of_an_earlier_version_get_their_new_names(database: TestDatabase) {
    shop::items(&database, 30).await;
    let app = shop::discovered(&database).await;
    let request = shop::delete("item", shop::keys([1, 2]));
    let task = shop::carry_out(&app, shop::in_background(request)).await;
    database.execute("INSERT INTO powercrud_model_mutex VALUES ('other', 7);").await;
    database
        .execute(
            "ALTER TABLE powercrud_model_mutex RENAME COLUMN acquisitions TO turns;
             ALTER TABLE powercrud_model_mutex RENAME TO powercrud_turn;
             ALTER TABLE powercrud_bulk_task_key_range RENAME TO powercrud_bulk_task_block;
             ALTER TABLE powercrud_bulk_task_cascade RENAME COLUMN cascaded_from TO taken_by;
             DELETE FROM powercrud_migration WHERE version = 'm0025_names';",
        )
        .await;
    assert_eq!(db::pending_migrations(&database).await.expect("a look"), 1);
    db::migrate(&database).await.expect("names are changed");
    assert_eq!(
        shop::count(&database, "powercrud_model_mutex WHERE unique_model_key = 'other' AND acquisitions = 7").await,
        1
    );
    // When a task's records are noted is the worker's business; the table is there.
    shop::count(&database, "powercrud_bulk_task_key_range").await;
    assert_eq!(shop::count(&database, "powercrud_bulk_task_cascade WHERE cascaded_from = ''").await, 0);
    let app = shop::discovered(&database).await;
    powercrud::task::store::get(&app, &powercrud::User::operator(), task.id).await.expect("the task is still there");
    let request = shop::update("item", shop::keys([3, 4]), [("status", Some("used"))]);
    assert_eq!(shop::counts(&shop::carry_out(&app, shop::in_background(request)).await).0, 2);
}

/// Each file of the database's folder with its bytes.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = path.parent().expect("a folder");
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| (path.clone(), std::fs::read(&path).expect("a file"))).collect()
}

/// A copy of the test's file that nobody has open, in a folder of its own and in the journal mode that is asked for.
async fn copy(database: &TestDatabase, mode: &str) -> PathBuf {
    let path = database.url.trim_start_matches("sqlite:").split('?').next().expect("a path");
    let folder = PathBuf::from(path).parent().expect("a folder").join(mode);
    std::fs::create_dir_all(&folder).expect("a folder");
    let copy = folder.join("copy.db");
    let vacuum = format!("VACUUM INTO '{}'", copy.display());
    database.connection().execute_unprepared(&vacuum).await.expect("a copy");
    if mode == "wal" {
        let set = Database::connect(&format!("sqlite:{}", copy.display())).await.expect("it opens");
        set.connection().clone().close().await.expect("it closes");
    }
    copy
}

async fn a_look_at_a_file_leaves_it_and_its_folder_as_they_were(database: TestDatabase) {
    web::shop(&database).await;
    for mode in ["delete", "wal"] {
        let path = copy(&database, mode).await;
        let before = files(&path);
        let look = Database::connect_to_look(&format!("sqlite:{}?mode=rwc", path.display())).await.expect("it opens");
        let app = PowerCrud::builder(look)
            .open_to_everybody()
            .discover(true)
            .migrate(false)
            .build()
            .await
            .expect("it is read");
        assert!(app.resource("book").unwrap().can_update(), "that the look can't write says nothing of the file");
        assert!(db::pending_migrations(app.database()).await.expect("it is read") > 0);
        app.database().connection().clone().close().await.expect("it closes");
        assert!(files(&path) == before, "{mode}: there are {:?}", files(&path).keys());
    }
    let nowhere = Database::connect_to_look("sqlite:/nonexistent/there.db?mode=rwc").await;
    assert!(matches!(nowhere, Err(powercrud::db::Error::Connection { .. })));
}

async fn a_file_that_can_only_be_read_is_served_for_reading(database: TestDatabase) {
    web::shop(&database).await;
    let path = copy(&database, "delete").await;
    let url = format!("sqlite:{}?mode=ro", path.display());
    let only_read = Database::connect(&url).await.expect("it opens");
    let refused = PowerCrud::builder(only_read)
        .open_to_everybody()
        .discover(true)
        .build()
        .await
        .map(drop)
        .expect_err("no tables of ours");
    assert!(refused.to_string().contains("can only be read"), "{refused}");

    db::migrate(&database).await.expect("migrations");
    std::fs::remove_file(&path).expect("a file");
    let path = copy(&database, "wal").await;
    let url = format!("sqlite:{}?mode=ro", path.display());
    let only_read = Database::connect(&url).await.expect("it opens");
    let app =
        PowerCrud::builder(only_read).open_to_everybody().discover(true).build().await.expect("the tables are there");
    let book = app.resource("book").unwrap();
    assert!(book.read_only.as_deref().unwrap_or_default().contains("mode=ro"), "{:?}", book.read_only);
    let mut browser = Browser::new(app.router());
    browser.get("/resources/book").await.expect(200).holds(&["Read-only", "Book 01"]).lacks(&["/resources/book/new"]);
    browser.get("/resources/book/records/1").await.expect(200).lacks(&["/edit", "/delete"]);
}
