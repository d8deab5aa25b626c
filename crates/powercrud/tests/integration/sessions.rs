//! Whatever a MySQL or MariaDB server's defaults are, sessions of ours are as we need them.

use powercrud::{
    PowerCrud, Selection, User,
    db::Database,
    task::Status,
    token::{self, NewToken, Scope},
};

use crate::{
    shop::{assert_no_locks, carry_out, count, counts, delete, in_background, items, keys, update},
    support::{Kind, Server, TestDatabase},
    web::browser::Browser,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_defaults_break_nothing() {
    let Some(server) = Server::create(Kind::Mysql).await else { return };
    let database = TestDatabase::on(Kind::Mysql, &server.url).await;
    items(&database, 60).await;
    for (number, setting) in [
        "sql_mode = 'ORACLE'",
        "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE,PAD_CHAR_TO_FULL_LENGTH'",
        "autocommit = 0",
        "completion_type = 1",
        "sql_select_limit = 3",
        "sql_big_selects = 0, GLOBAL max_join_size = 1",
        "sql_safe_updates = 1",
        "default_storage_engine = 'MyISAM'",
    ]
    .iter()
    .enumerate()
    {
        database.execute(&format!("SET GLOBAL {setting};")).await;
        works(&server.url, number).await.unwrap_or_else(|error| panic!("{setting}: {error}"));
        for name in setting.split(", GLOBAL ").filter_map(|one| one.split_once(" = ")) {
            database.execute(&format!("SET GLOBAL {} = DEFAULT;", name.0)).await;
        }
        assert_no_locks(&database).await;
    }
    let other = "information_schema.tables WHERE table_name LIKE 'powercrud%' AND engine <> 'InnoDB'";
    assert_eq!(count(&database, other).await, 0);
}

/// Lists, changes, deletes, and makes a token that another connection finds.
async fn works(url: &str, number: usize) -> Result<(), powercrud::Error> {
    let connect = || async { Ok::<_, powercrud::Error>(Database::connect(url).await?) };
    let app = PowerCrud::builder(connect().await?).open_to_everybody().discover(true).build().await?;
    let page = Browser::new(app.router()).get("/resources/item").await.expect(200);
    page.holds(&["item 25", &format!("of {}", 60 - number)]);
    let note = format!("note of {number}");
    let task = carry_out(&app, in_background(update("item", Selection::All, [("note", Some(&*note))]))).await;
    assert_eq!((task.status, counts(&task).0), (Status::Success, 60 - number as u64), "{}", task.error_message);
    let task = carry_out(&app, delete("item", keys([60 - number]))).await;
    assert_eq!((task.status, counts(&task).0), (Status::Success, 1), "{}", task.error_message);
    let new = NewToken { name: note, user: User::operator(), scopes: vec![Scope::Read], lasts: None };
    token::create(&app, &User::operator(), new).await?;
    let other = PowerCrud::builder(connect().await?).open_to_everybody().discover(true).build().await?;
    assert_eq!(token::list(&other, &User::operator()).await?.len(), number + 1);
    Ok(())
}
