//! PostgreSQL: tables named like those that the server looks at first. A table means itself, in every statement.

use powercrud::{
    Selection, User,
    query::{ListParams, list},
    record,
    task::Status,
};

use crate::{
    shop::{carry_out, counts, delete, discovered, in_background, keys, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { [postgres] tables_named_like_system_catalogs, tables_behind_temporary_ones }

async fn tables_named_like_system_catalogs(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE public.pg_description (objoid oid, classoid oid, objsubid integer, description text NOT NULL,
               PRIMARY KEY (objoid, classoid, objsubid));
             INSERT INTO public.pg_description VALUES (1, 1, 0, 'mine'), (2, 1, 0, 'mine');
             CREATE TABLE public.pg_stat_activity (pid integer PRIMARY KEY, note text, boss integer REFERENCES public.pg_stat_activity);
             INSERT INTO public.pg_stat_activity VALUES (1, 'one', NULL), (2, 'two', 1);
             CREATE TABLE public.pg_class (oid integer PRIMARY KEY, relname text, n integer CHECK (n < 10));
             CREATE TABLE public.pg_class_child () INHERITS (public.pg_class);
             INSERT INTO public.pg_class VALUES (1, 'own', 1); INSERT INTO public.pg_class_child VALUES (2, 'child', 1);",
        )
        .await;
    let app = discovered(&database).await;
    let system = "pg_catalog.pg_description";
    let before = rows(
        &database,
        &format!(
            "(SELECT count(*) AS n, md5(string_agg(description, '' ORDER BY description)) AS sum FROM {system}) AS d"
        ),
        &["n", "sum"],
    )
    .await;
    let task =
        carry_out(&app, in_background(update("pg_description", Selection::All, [("description", Some("new"))]))).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (2, 0, 0)), "{}", task.error_message);
    let resource = app.resource("pg_description").expect("a resource");
    record::update(
        &app,
        &User::operator(),
        resource,
        r#"["1","1","0"]"#,
        &[("description".into(), Some("edited".into()))],
    )
    .await
    .expect("an edit");
    let after = rows(
        &database,
        &format!(
            "(SELECT count(*) AS n, md5(string_agg(description, '' ORDER BY description)) AS sum FROM {system}) AS d"
        ),
        &["n", "sum"],
    )
    .await;
    assert_eq!(before, after, "nothing of the system's changed");
    let own = rows(&database, "public.pg_description", &["objoid", "description"]).await;
    assert_eq!(own.into_values().flatten().flatten().collect::<Vec<_>>(), ["edited", "new"]);

    let activity = app.resource("pg_stat_activity").expect("a resource");
    let page = list(&app, activity, &ListParams::default()).await.expect("a list");
    assert_eq!(page.rows.len(), 2);
    let task = carry_out(&app, in_background(update("pg_stat_activity", Selection::All, [("note", Some("x"))]))).await;
    assert_eq!((task.total_records, counts(&task)), (2, (2, 0, 0)));
    let task = carry_out(&app, delete("pg_stat_activity", keys([1, 2]))).await;
    assert_eq!((task.status, counts(&task), task.missing_records), (Status::Success, (2, 0, 0), 0));
    // A parent's own rows are told by its own name.
    let task = carry_out(&app, in_background(update("pg_class", Selection::All, [("n", Some("5"))]))).await;
    assert_eq!(counts(&task), (1, 0, 0), "{}", task.error_message);
    assert_eq!(rows(&database, "ONLY public.pg_class", &["oid", "n"]).await["1"], [Some("5".to_owned())]);
    let task = carry_out(&app, in_background(update("pg_class", keys([1]), [("n", Some("50"))]))).await;
    assert_eq!(counts(&task), (0, 1, 0));
}

/// A connection that an application handed in may have temporary tables.
async fn tables_behind_temporary_ones(database: TestDatabase) {
    database
        .execute("CREATE TABLE item (id integer PRIMARY KEY, n integer); INSERT INTO item VALUES (1, 0), (2, 0);")
        .await;
    let mut options = sea_orm::ConnectOptions::new(database.url.clone());
    options.max_connections(1).min_connections(1);
    let connection = sea_orm::Database::connect(options).await.expect("a connection");
    sea_orm::ConnectionTrait::execute_unprepared(
        &connection,
        "CREATE TEMPORARY TABLE item (id integer PRIMARY KEY, n integer); INSERT INTO item VALUES (1, 7), (3, 7)",
    )
    .await
    .expect("a temporary table");
    let app = powercrud::PowerCrud::builder(connection)
        .open_to_everybody()
        .discover(true)
        .build()
        .await
        .expect("no mistakes");
    let item = app.resource("item").expect("a resource");
    record::update(&app, &User::operator(), item, "2", &[("n".into(), Some("5".into()))]).await.expect("an edit");
    assert!(record::get(&app, item, "3").await.is_err(), "that is the temporary table's");
    let found = rows(&database, "public.item", &["id", "n"]).await;
    assert_eq!(found.into_values().flatten().flatten().collect::<Vec<_>>(), ["0", "5"]);
}
