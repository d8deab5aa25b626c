//! Rules that a preview can tell wrong: references of several columns, computed columns, tables that inherit, and rows that nobody may see.

use powercrud::{
    PowerCrud, Selection,
    bulk::{BulkRequest, Preview, plan},
    db::Database,
};

use crate::{
    shop::{carry_out, delete, discovered, failures, in_background, keys, update},
    support::{Kind, TestDatabase, each_database, with_role},
};

each_database! { computed_columns_follow, what_a_delete_meets, what_stands_behind_a_cascade }
each_database! { [postgres] references_match_fully, tables_that_inherit, rows_that_are_not_seen }
each_database! { [sqlite postgres] defaults_that_are_not_there }

async fn preview(app: &PowerCrud, request: BulkRequest) -> Preview {
    plan(app, request).await.expect("a plan").preview().await.expect("a preview")
}

/// The preview says how many records fail, and the task agrees.
async fn agree(app: &PowerCrud, request: BulkRequest, failing: u64) -> Preview {
    let request = in_background(request);
    let seen = preview(app, request.clone()).await;
    assert_eq!(seen.failing_records, failing, "{seen:#?}");
    let task = carry_out(app, request).await;
    assert_eq!(task.failed_records, failing, "{seen:#?}\n{:?}", failures(app, &task).await);
    seen
}

/// Keys and references over what is computed of a change are unknown; of anything else they are not.
async fn computed_columns_follow(database: TestDatabase) {
    let (big, twice) = match database.kind {
        Kind::Sqlite => ("varchar(20) AS (upper(name))", "integer GENERATED ALWAYS AS (n * 2) STORED"),
        _ => ("varchar(20) GENERATED ALWAYS AS (upper(name)) STORED", "integer GENERATED ALWAYS AS (n * 2) STORED"),
    };
    database
        .execute(&format!(
            "CREATE TABLE thing (id integer PRIMARY KEY, name varchar(20), n integer, note varchar(20), big {big}, twice {twice}, UNIQUE (big));
             INSERT INTO thing (id, name, n) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);"
        ))
        .await;
    let app = discovered(&database).await;
    let seen = preview(&app, update("thing", keys([1, 2]), [("name", Some("x"))])).await;
    assert_eq!(seen.unknown, ["the unique key big"]);
    for field in ["n", "note"] {
        let seen = preview(&app, update("thing", keys([1, 2]), [(field, Some("7"))])).await;
        assert_eq!(seen.unknown, Vec::<String>::new(), "{field}");
    }
}

async fn references_match_fully(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE par (a integer, b integer, PRIMARY KEY (a, b)); INSERT INTO par VALUES (1, 1), (1, 2);
             CREATE TABLE chi (id integer PRIMARY KEY, a integer, b integer, FOREIGN KEY (a, b) REFERENCES par MATCH FULL);
             INSERT INTO chi VALUES (1, 1, 1), (2, 1, 2), (3, NULL, NULL);",
        )
        .await;
    let app = discovered(&database).await;
    let seen = agree(&app, update("chi", Selection::All, [("a", None)]), 2).await;
    assert_eq!((seen.changing_records, seen.unchanged_records), (0, 1));
    agree(&app, update("chi", Selection::All, [("a", None), ("b", None)]), 0).await;
}

/// Neither a key nor a reference is about the rows of child tables.
async fn tables_that_inherit(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE par (id integer PRIMARY KEY, code text UNIQUE, a integer, b integer, UNIQUE (a, b));
             CREATE TABLE chi () INHERITS (par);
             INSERT INTO par VALUES (1, 'one', 1, 1), (2, 'two', 2, 2); INSERT INTO chi VALUES (3, 'three', 3, 3);
             CREATE TABLE ref (id integer PRIMARY KEY, a integer, b integer, FOREIGN KEY (a, b) REFERENCES par (a, b));
             INSERT INTO ref VALUES (1, 1, 1), (2, 2, 2);",
        )
        .await;
    let app = discovered(&database).await;
    agree(&app, update("par", keys([1]), [("code", Some("three"))]), 0).await;
    agree(&app, update("ref", Selection::All, [("a", Some("3")), ("b", Some("3"))]), 2).await;
}

async fn defaults_that_are_not_there(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE par (id integer PRIMARY KEY); INSERT INTO par VALUES (1), (2), (3), (4), (7);
             CREATE TABLE lost (id integer PRIMARY KEY, par_id integer DEFAULT 99, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE SET DEFAULT);
             CREATE TABLE found (id integer PRIMARY KEY, par_id integer DEFAULT 7, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE SET DEFAULT);
             CREATE TABLE none (id integer PRIMARY KEY, par_id integer, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE SET DEFAULT);
             INSERT INTO lost VALUES (1, 1); INSERT INTO found VALUES (1, 2); INSERT INTO none VALUES (1, 3);",
        )
        .await;
    let app = discovered(&database).await;
    let seen = agree(&app, delete("par", keys([1, 2, 3, 4])), 1).await;
    let told: Vec<_> = seen.referrers.iter().map(|other| (other.table.as_str(), other.action, other.records)).collect();
    assert_eq!(told, [("found", "set_default", 1), ("none", "set_default", 1), ("lost", "restrict", 1)]);
}

async fn rows_that_are_not_seen(database: TestDatabase) {
    with_role(&database, |database, role| async move {
        database
            .execute(
                "CREATE TABLE par (id integer PRIMARY KEY, n integer UNIQUE); CREATE TABLE free (id integer PRIMARY KEY);
                 INSERT INTO par VALUES (1, 1); INSERT INTO free VALUES (1);
                 CREATE TABLE mid (id integer PRIMARY KEY, par_id integer REFERENCES par ON DELETE CASCADE);
                 CREATE TABLE hidden (id integer PRIMARY KEY, mid_id integer REFERENCES mid, n integer REFERENCES par (n));",
            )
            .await;
        powercrud::db::migrate(&database).await.expect("the owner makes the tables");
        let name = &role.name;
        database
            .execute(&format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name};
                 GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}; REVOKE ALL ON hidden FROM {name};"
            ))
            .await;
        let few = Database::connect(&role.url).await.expect("the role may sign in");
        let app = PowerCrud::builder(few).open_to_everybody().discover(true).build().await.expect("no mistakes");
        let unseen = ["records that this role may not see"];
        assert_eq!(preview(&app, delete("par", Selection::All)).await.unknown, unseen);
        assert_eq!(preview(&app, delete("mid", Selection::All)).await.unknown, unseen);
        assert_eq!(preview(&app, delete("free", Selection::All)).await.unknown, Vec::<String>::new());
        let seen = preview(&app, update("par", Selection::All, [("n", Some("2"))])).await;
        assert_eq!(seen.unknown, unseen);
    })
    .await;
}

/// Who refers to records that are kept is not changed, and who goes as well is no other record.
async fn what_a_delete_meets(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE node (id integer PRIMARY KEY, up_id integer, FOREIGN KEY (up_id) REFERENCES node (id) ON DELETE CASCADE);
             CREATE TABLE leaf (id integer PRIMARY KEY, node_id integer, FOREIGN KEY (node_id) REFERENCES node (id) ON DELETE SET NULL);
             CREATE TABLE stop (id integer PRIMARY KEY, node_id integer, FOREIGN KEY (node_id) REFERENCES node (id));
             INSERT INTO node VALUES (1, NULL), (2, 1), (3, 1), (4, NULL), (5, 4);
             INSERT INTO leaf VALUES (1, 1), (2, 4), (3, 4); INSERT INTO stop VALUES (1, 4);",
        )
        .await;
    let app = discovered(&database).await;
    let seen = preview(&app, in_background(delete("node", keys([1, 2, 4])))).await;
    assert_eq!((seen.blocked_records, seen.changing_records), (1, 2), "{seen:?}");
    let mut told: Vec<_> =
        seen.referrers.iter().map(|other| (other.table.as_str(), other.action, other.records)).collect();
    told.sort_unstable();
    // 3 goes with 1; 2 is selected itself; 5 and two leaves are of the one that is kept.
    assert_eq!(told, [("leaf", "set_null", 1), ("node", "cascade", 1), ("stop", "restrict", 1)]);
}

/// Rows that refer to what would go along are named.
async fn what_stands_behind_a_cascade(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE par (id integer PRIMARY KEY);
             CREATE TABLE kid (id integer PRIMARY KEY, par_id integer, FOREIGN KEY (par_id) REFERENCES par (id) ON DELETE CASCADE);
             CREATE TABLE blk (id integer PRIMARY KEY, kid_id integer, FOREIGN KEY (kid_id) REFERENCES kid (id));
             INSERT INTO par VALUES (1), (2); INSERT INTO kid VALUES (1, 1), (2, 2), (3, 2); INSERT INTO blk VALUES (1, 1), (2, 1);",
        )
        .await;
    let app = discovered(&database).await;
    let seen = agree(&app, delete("par", Selection::All), 1).await;
    let told: Vec<_> = seen
        .referrers
        .iter()
        .map(|other| (other.table.as_str(), other.action, other.records, other.through.as_deref()))
        .collect();
    assert_eq!(told, [("kid", "cascade", 2, None), ("blk", "restrict", 2, Some("kid"))]);
}
