//! Triggers that undo what the same task did, to the record itself or to another one: the record is named, and not called done.

use powercrud::{Resource, Selection, bulk::Requested, task::Status};

use crate::{
    shop::{assert_no_locks, carry_out, changes_of, counts, failures, in_background, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [sqlite postgres] what_another_records_trigger_undoes }

/// Four texts, and three labels that some of them have.
async fn texts(database: &TestDatabase) {
    database
        .execute(
            "DROP TABLE IF EXISTS text_label; DROP TABLE IF EXISTS label; DROP TABLE IF EXISTS text;
             CREATE TABLE text (id integer PRIMARY KEY, v varchar(9));
             CREATE TABLE label (id integer PRIMARY KEY, name varchar(9));
             CREATE TABLE text_label (text_id integer NOT NULL, label_id integer NOT NULL, PRIMARY KEY (text_id, label_id),
               FOREIGN KEY (text_id) REFERENCES text (id) ON DELETE CASCADE, FOREIGN KEY (label_id) REFERENCES label (id));
             INSERT INTO text VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd');
             INSERT INTO label VALUES (1, 'x'), (2, 'y'), (3, 'z');
             INSERT INTO text_label VALUES (1, 1), (2, 1), (3, 1), (3, 2);",
        )
        .await;
}

async fn what_another_records_trigger_undoes(database: TestDatabase) {
    let of_texts = ("UPDATE", "text");
    let of_links = ("INSERT", "text_label");
    let new: &[(&str, &str)] = &[("v", "new")];
    let add: &[(&str, &str)] = &[("labels__add", "[3]")];
    let both: &[(&str, &str)] = &[("labels__add", "[3]"), ("v", "new")];
    for ((event, table), when, does, changes, undone) in [
        (of_texts, "NEW.id = 3 AND NEW.v = 'new'", "UPDATE text SET v = 'b' WHERE id = 2", new, "2"),
        (of_texts, "NEW.id = 2", "DELETE FROM text WHERE id = 2", new, "2"),
        (of_links, "NEW.text_id = 3 AND NEW.label_id = 3", "DELETE FROM text_label WHERE text_id = 1", add, "1"),
        (of_links, "NEW.text_id = 2 AND NEW.label_id = 3", "DELETE FROM text WHERE id = 2", add, "2"),
        (of_links, "NEW.text_id = 2 AND NEW.label_id = 3", "UPDATE text SET v = 'b' WHERE id = 2", both, "2"),
    ] {
        texts(&database).await;
        let trigger = match database.kind {
            Kind::Postgres => format!(
                "CREATE OR REPLACE FUNCTION undoes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {when} THEN {does}; END IF; RETURN NULL; END $$;
                 CREATE TRIGGER undoes AFTER {event} ON {table} FOR EACH ROW EXECUTE FUNCTION undoes();"
            ),
            Kind::Sqlite | Kind::Mysql => {
                format!("CREATE TRIGGER undoes AFTER {event} ON {table} WHEN {when} BEGIN {does}; END;")
            }
        };
        database.execute(&trigger).await;
        let builder = powercrud::PowerCrud::builder(database.clone()).open_to_everybody().discover(true);
        let app = builder.resource(Resource::table("text")).build().await.expect("a configuration");
        let mut request = in_background(update("text", Selection::All, []));
        request.operation = Requested::Update(changes_of(changes.iter().map(|(name, value)| (*name, Some(*value)))));
        let task = carry_out(&app, request).await;
        let what = format!("{does}: {}", task.error_message);
        assert_eq!((task.status, counts(&task)), (Status::Partial, (3, 1, 0)), "{what}");
        assert_eq!(failures(&app, &task).await, [(undone.to_owned(), "NOT_CHANGED".to_owned())], "{what}");
        assert_no_locks(&database).await;
    }
}
