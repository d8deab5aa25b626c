//! PowerCRUD's own tables go all together or not at all: not while others depend on them, nor where the role may drop only some.

use powercrud::{
    Error,
    db::{self, Database},
};

use crate::{
    shop::count,
    support::{Kind, TestDatabase, each_database, with_role},
};

each_database! { what_depends_on_own_tables_is_named_and_nothing_is_removed }
each_database! { [postgres mysql] what_depends_on_tables_in_a_schema_of_their_own_is_named }
each_database! { [postgres mysql] a_role_that_may_drop_some_of_them_drops_none }
each_database! { [postgres] a_search_path_without_a_schema_is_told }

/// What makes something that depends on own tables, what removes it, and what is said of it; `{own}` leads to the schema of own tables.
fn dependents(kind: Kind) -> Vec<(String, &'static str, &'static [&'static str])> {
    let uuid = if kind == Kind::Postgres { "uuid" } else { "binary(16)" };
    let reference = "CREATE TABLE report (id integer PRIMARY KEY, t UUID, FOREIGN KEY (t) REFERENCES {own}powercrud_bulk_task (id));";
    let trigger = match kind {
        Kind::Sqlite => "CREATE TRIGGER held AFTER INSERT ON item BEGIN DELETE FROM \"powercrud_lock\" WHERE 0; END;",
        Kind::Postgres => {
            "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM {own}powercrud_lock WHERE false; RETURN NEW; END $$;
             CREATE TRIGGER held AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION held();"
        }
        Kind::Mysql => "CREATE TRIGGER held AFTER INSERT ON item FOR EACH ROW DELETE FROM {own}powercrud_lock WHERE false;",
    };
    let drop_trigger = if kind == Kind::Postgres { "DROP TRIGGER held ON item;" } else { "DROP TRIGGER held;" };
    vec![
        (
            reference.replace("UUID", uuid),
            "DROP TABLE report;",
            &["the table ", "report refers to ", "powercrud_bulk_task"],
        ),
        (
            "CREATE VIEW report AS SELECT x.id, x.status FROM {own}powercrud_bulk_task AS x;".to_owned(),
            "DROP VIEW report;",
            &["the view ", "report reads ", "powercrud_bulk_task"],
        ),
        (trigger.to_owned(), drop_trigger, &["the trigger ", "held on ", "item names ", "powercrud_lock"]),
    ]
}

/// What stands beside them and is none of their business.
const BYSTANDERS: &str = "CREATE TABLE item (id integer PRIMARY KEY, note varchar(40));
    CREATE VIEW other AS SELECT id, 'powercrud_lock' AS note FROM item;";

async fn is_refused(installed: &Database, data: &TestDatabase, own: &str) {
    let whole = db::uninstall(installed, true, false).await.expect("a look").tables;
    for (create, drop, parts) in dependents(data.kind) {
        data.execute(&create.replace("{own}", own)).await;
        let refused = db::uninstall(installed, false, false).await.expect_err("something depends on them");
        assert!(matches!(refused, Error::NotAllowed(_)), "{refused}");
        let refused = refused.to_string();
        let bystanders = ["other reads", "others refers", "others_too reads"];
        assert!(parts.iter().all(|part| refused.contains(part)), "{refused}");
        assert!(bystanders.iter().all(|part| !refused.contains(part)), "{refused}");
        // Each by its schema, where there are such.
        let qualified = format!("{}{}", own.replace(['"', '`'], ""), "powercrud_");
        assert!(own.is_empty() || refused.replace('"', "").contains(&qualified), "{refused}");
        assert_eq!(db::uninstall(installed, true, false).await.expect("a look").tables, whole);
        assert_eq!(db::missing_tables(installed).await.expect("a look"), Vec::<&str>::new());
        data.execute(drop).await;
    }
    let removed = db::uninstall(installed, false, false).await.expect("nothing is in the way");
    assert_eq!(removed.tables, whole);
}

async fn what_depends_on_own_tables_is_named_and_nothing_is_removed(database: TestDatabase) {
    database.execute(BYSTANDERS).await;
    db::migrate(&database).await.expect("tables");
    is_refused(&database, &database, "").await;
    assert_eq!(count(&database, "other").await, 0);
}

async fn what_depends_on_tables_in_a_schema_of_their_own_is_named(database: TestDatabase) {
    database.execute(BYSTANDERS).await;
    let name = database.url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a database");
    let schema = format!("{name}_own");
    // In small letters: scripts that create or drop databases are meant for others, and left out.
    let (what, all) = if database.kind == Kind::Mysql { ("database", "") } else { ("schema", " CASCADE") };
    let installed = db::with_tables_in(Database::from(&database), &schema).expect("a name");
    db::migrate(&installed).await.expect("tables");
    // Another installation among the data is not meant.
    db::migrate(&database).await.expect("tables");
    let of_other =
        "CREATE TABLE others (id integer PRIMARY KEY, t UUID, FOREIGN KEY (t) REFERENCES powercrud_bulk_task (id));
         CREATE VIEW others_too AS SELECT id FROM powercrud_bulk_task;";
    database.execute(&of_other.replace("UUID", if database.kind == Kind::Mysql { "binary(16)" } else { "uuid" })).await;
    is_refused(&installed, &database, &format!("{schema}.")).await;
    database.execute(&format!("drop {what} {schema}{all};")).await;
}

async fn a_role_that_may_drop_some_of_them_drops_none(database: TestDatabase) {
    db::migrate(&database).await.expect("tables");
    with_role(&database, |database, role| async move {
        let whole = db::uninstall(&database, true, false).await.expect("a look").tables;
        let few = whole.iter().take(3).map(|table| match database.kind {
            Kind::Mysql => format!("GRANT DROP ON {table} TO {};", role.name),
            _ => format!("ALTER TABLE {table} OWNER TO {};", role.name),
        });
        let few = few.collect::<Vec<_>>().join("\n");
        let reads = whole.iter().map(|table| format!("GRANT SELECT ON {table} TO {};", role.name));
        database.execute(&format!("{few}\n{}", reads.collect::<Vec<_>>().join("\n"))).await;
        let role = Database::connect(&role.url).await.expect("the role may sign in");
        let refused = db::uninstall(&role, false, false).await.expect_err("it may not drop all");
        let Error::MissingRights { what, grants } = refused else { panic!("{refused}") };
        assert!(what.contains("nothing was removed"), "{what}");
        assert_eq!(db::uninstall(&database, true, false).await.expect("a look").tables, whole);
        if database.kind == Kind::Mysql {
            database.execute(&grants.join("\n")).await;
            assert_eq!(db::uninstall(&role, false, false).await.expect("it may now").tables, whole);
        }
    })
    .await;
}

/// Whoever asks: it is not a right that lacks.
async fn a_search_path_without_a_schema_is_told(database: TestDatabase) {
    let joint = if database.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{joint}options=-c%20search_path%3Dnowhere", database.url);
    let lost = Database::connect(&url).await.expect("it connects");
    let told = db::migrate(&lost).await.expect_err("there is no schema").to_string();
    assert!(told.contains("no schema is selected") && told.contains("search_path is \"nowhere\""), "{told}");
    assert!(!told.contains("GRANT"), "{told}");
}
